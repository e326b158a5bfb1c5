"""The costliest grammars that pass, in the engine's own compiler: a second of processor time.

Patterns that stand alone are measured at each token, too: between marks, as vLLM puts them into a
structural tag, where an ambiguous one is slowest.
"""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import xgrammar

from gateway.api.request_policy import RequestPolicy, check
from gateway.errors import InvalidRequest
from tests.gateway.api.test_lone_pattern import QUICK

pytestmark = pytest.mark.slow

MOST_S = 2.0  # one, and as much again for a busy or older processor
MOST_TOKEN_S = 0.02  # a quarter of it, and room for the same
WORDS = ("x", "ba", "be", " ", "bi", "\n", " ca", "cu", "-", "be", "1", "ba ", "bu", "bu")
VOCABULARY = 200_000
NONE = ("[{?*", ")a|(", "\\")  # no patterns
MOST_TIMES = 16_384
MARKS = ("", " ", ".", "#")  # as many tokens begin with one as in a real vocabulary


def vocabulary() -> list[bytes]:
    """Return words of syllables, with and without a mark, and every byte."""
    syllables = ["".join(pair) for pair in itertools.product("bcdfghjklmnpqrstvwxz", "aeiou")]
    words = (
        "".join(word) for size in (1, 2, 3) for word in itertools.product(syllables, repeat=size)
    )
    marked = (f"{mark}{word}".encode() for word in words for mark in MARKS)
    return [bytes((byte,)) for byte in range(256)] + list(itertools.islice(marked, VOCABULARY))


@pytest.fixture(scope="module")
def tokens() -> Any:
    """Vocabulary of the size of gpt-oss's."""
    return xgrammar.TokenizerInfo(vocabulary(), stop_token_ids=[0])


def array(*items: object) -> dict[str, Any]:
    schema = {"type": "array", "prefixItems": list(items), "minItems": len(items)}
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}


def regex(pattern: str) -> dict[str, Any]:
    """In a schema: of those that stand alone, the ambiguous ones are refused before."""
    return array({"type": "string", "pattern": f"^{pattern}$"})


def alone(pattern: str) -> dict[str, Any]:
    return {"structured_outputs": {"regex": pattern}}


def counted(number: int) -> dict[str, Any]:
    properties = {f"p{at}": {"type": "integer"} for at in range(number)}
    least = number // 2
    return array(
        {
            "type": "object",
            "properties": properties,
            "minProperties": least,
            "maxProperties": least + 10,
        }
    )


FAMILIES: dict[str, Callable[[int], dict[str, Any]]] = {
    "optional letters": lambda number: regex("a?" * number),
    "optional classes, repeated": lambda number: regex("(" + "[a-z]?" * number + ")*"),
    "anything, repeated": lambda number: regex("(" + ".?" * number + ")*"),
    "empty alternatives": lambda number: regex("([a-z]|)" * number),
    "counts": lambda number: regex(f"[a-z]{{{number}}}"),
    "words": lambda number: regex(f"[A-Za-z .,-]{{1,{number}}}"),
    "words and line ends": lambda number: regex(f"[a-z\\s]{{1,{number}}}"),
    "printable": lambda number: regex(f"[ -~]{{1,{number}}}"),
    "anything": lambda number: regex(f"[^x]{{1,{number}}}"),
    "alternatives": lambda number: regex("|".join(f"x(y|z){at}" for at in range(number))),
    "optional letters, alone": lambda number: alone("a?" * number),
    "empty alternatives, alone": lambda number: alone("(a|)" * number),
    "counts, alone": lambda number: alone(f"[a-z]{{{number}}}"),
    "printable, alone": lambda number: alone(f"[ -~]{{1,{number}}}"),
    "anything, alone": lambda number: alone(f"[^x]{{1,{number}}}"),
    "alternatives, alone": lambda number: alone("|".join(f"x(y|z){at}" for at in range(number))),
    "numbered properties": counted,
    "objects": lambda number: array(
        {"anyOf": [{"properties": {key: {} for key in "abcdefghijklm"}}] * number}
    ),
    "formats": lambda number: array(*[{"type": "string", "format": "email"}] * number),
    "lengths": lambda number: array(
        *({"type": "string", "minLength": at, "maxLength": 200 + at} for at in range(number))
    ),
    "ranges": lambda number: array(
        *(
            {"type": "number", "minimum": -1e15 - at, "maximum": at + 0.98765}
            for at in range(number)
        )
    ),
    "text": lambda number: array({"enum": ["a" * at for at in range(number)]}),
}


def is_taken(request: dict[str, Any]) -> bool:
    try:
        check(json.dumps(request).encode(), request, RequestPolicy())
    except InvalidRequest:
        return False
    return True


def largest(family: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """Return the largest of a family that the gateway takes."""
    low, high = 1, MOST_TIMES
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_taken(family(middle)) else (low, middle - 1)
    assert low < MOST_TIMES, "nothing refuses it"
    return family(low)


@pytest.mark.parametrize("name", FAMILIES)
def test_it_compiles_within_its_time(name: str, tokens: Any) -> None:
    """Whatever passes costs the engine a second, however it is made up; beside other work a
    processor takes longer, so the quickest of three times counts."""
    request = largest(FAMILIES[name])

    assert min(compiling_s(request, tokens) for _ in range(3)) < MOST_S


def compiling_s(request: Any, tokens: Any) -> float:
    """Return the processor time of one compilation."""
    compiler = xgrammar.GrammarCompiler(tokens, max_threads=8, cache_enabled=False)
    before = time.process_time()
    if "structured_outputs" in request:
        compiler.compile_regex(request["structured_outputs"]["regex"])
    else:
        compiler.compile_json_schema(
            json.dumps(request["response_format"]["json_schema"]["schema"])
        )
    return time.process_time() - before


@pytest.mark.parametrize("pattern", [pattern for pattern in QUICK if pattern not in NONE])
def test_a_token_is_quick(pattern: str, tokens: Any) -> None:
    """Wherever the pattern has got to; whole words, so that a longer token would fit as well."""
    compiler = xgrammar.GrammarCompiler(tokens, max_threads=8, cache_enabled=False)
    matcher = xgrammar.GrammarMatcher(compiler.compile_regex(f'"{pattern}"'))
    bitmask = xgrammar.allocate_token_bitmask(1, tokens.vocab_size)
    matcher.accept_string('"')
    slowest = 0.0
    for word in WORDS:
        before = time.process_time()
        matcher.fill_next_token_bitmask(bitmask)
        slowest = max(slowest, time.process_time() - before)
        matcher.accept_string(word)  # or not: then the next is tried at the same place

    assert slowest < MOST_TOKEN_S
