"""Patterns that stand alone: what would make the engine slow at each token is told from the rest.

`tests/gateway/api/test_grammar_cost.py` measures those that pass.
"""

import time

import pytest

from gateway.api.lone_pattern import can_stall

STALLING = [
    "(.?)*",
    "(.?.?.?)*",
    "(.{1,3})*",
    "(.{0,2}){5}",
    ".?.?.?.?",
    ".{0,2}.{3,}",
    "(.{3,}.{2})*.+ab?",
    r"(\w+ ?)*",
    r"(\w+\s?)+",
    r"(\w+ ?){1,9}",
    r"(\w+ ){0,30}",
    r"(\w+|\s+)*",
    r"(?:\w+ ?)*+",
    "([A-Za-z]+[ '-]?)+",
    "([a-z]? ?)*",
    "((a|b|c|d|e)? ?)*",
    "(((a|b)|(c|d|e))? ?)*",
    "([ä-ü]? ?)*",
    "(([aeiou]?)+ ?",
    "[^x]{1,3}(b[a-z]+){0,2}",
    "(.a?b?)*",
    "(foo|ab*,*[^x]{0,2} *|a*)+",
    "(yes: .+|no)*",
    "((.{2}a)+x)*",
    "((.a)?ab)+",
    r"(a\S.{2}.{1,3}ax)+",
    ".+,.+,.+,.+,.+,.+",
]
QUICK = [
    "",
    "yes|no",
    "(yes|no|I do not know: .+)",
    "(foo|bar)( (foo|bar))*",
    "[A-Z][0-9]{2}(\\.[0-9]{1,4})?",
    r"\+?\d{1,3}[-. ]?\(?\d{3}\)?[-. ]?\d{4}",
    r"[\w.]+@[\w-]+\.[a-z]{2,4}",
    r"https?://\S+",
    r"(\d+(\.\d+)? ?){1,9}",
    r"(\w+ )*\w+",
    r"(\w+[.,]?\s)+",
    r"(- [^\n]+\n)+",
    r"([^.]+\.\s?)+",
    "[a-z]+(, [a-z]+)*",
    "[a-z]{1,40}",
    "[0-9a-f]{8}(-[0-9a-f]{4})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "(.|\n)*",
    "(.|a|b)+",
    r"([\n\r\t\d]? ?)*",
    "(..)+",
    "(.a?)*",
    ".*?",
    ".{0,3}x.{0,3}",
    "((foo|bar|baz|qux|ab|cd)( mg)?,? ?)*",
    "[{?*",
    ")a|(",
    "\\",
]


@pytest.mark.parametrize("pattern", STALLING)
def test_too_many_ways_on_where_most_tokens_fit(pattern: str) -> None:
    """Each took the engine 10 ms to 12 s a token."""
    assert can_stall(pattern)


@pytest.mark.parametrize("pattern", QUICK)
def test_ordinary_patterns(pattern: str) -> None:
    """One way on, or few tokens that fit."""
    assert not can_stall(pattern)


@pytest.mark.parametrize("piece", ["(", "\\d", "a?", "{1,2}", "|", "(a)|", "a{1,", ".*", "[a]"])
def test_the_work_is_bounded(piece: str) -> None:
    """A longer pattern is refused before it is read to its end."""
    before = time.thread_time()
    assert can_stall(piece * (65_536 // len(piece)))

    assert time.thread_time() - before < 0.1
