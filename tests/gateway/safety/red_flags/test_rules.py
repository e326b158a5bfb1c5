"""Hits and near misses of each red-flag rule."""

import pytest

from gateway.safety.red_flags.rules import RULES
from tests.gateway.safety.red_flags.corpus import ids, pairs
from tests.gateway.safety.red_flags.hits import HITS
from tests.gateway.safety.red_flags.near_misses import NEAR_MISSES


@pytest.mark.parametrize(("rule", "text"), pairs(HITS))
def test_a_present_emergency_is_noticed(rule: str, text: str) -> None:
    """By the rule that is meant for it."""
    assert rule in ids(text)


@pytest.mark.parametrize(("rule", "text"), pairs(NEAR_MISSES))
def test_mere_talk_is_not(rule: str, text: str) -> None:
    """By no rule at all."""
    assert ids(text) == [], rule


def test_every_rule_has_both() -> None:
    """A rule added without hits and near misses fails here."""
    assert HITS.keys() == NEAR_MISSES.keys() == {rule.id for rule in RULES}
