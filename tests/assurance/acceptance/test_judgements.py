"""Leaks of reasoning in an answer, and tokens of another request's answer."""

import pytest

from assurance.acceptance.checks.reasoning import find_leak
from assurance.acceptance.checks.repeat import GreedyToken, is_equal
from assurance.acceptance.target import CheckFailed

THOUGHT = "They ask about a fever."
SURE, TIED = ("b", 1.0), ("b", 0.05)
ALONE = [("a", 1.0), SURE]


@pytest.mark.parametrize(
    ("text", "warnings", "leak"),
    [
        ("Warmth.", "", ""),
        ("<|channel|>", "", "control markers"),
        ("Warmth.", "harmony_leak", "warnings harmony_leak"),
        (f"Well. {THOUGHT}", "", "reasoning in an answer"),
    ],
)
def test_a_leak_is_named(text: str, warnings: str, leak: str) -> None:
    """Markers, a warning of the gateway, and the reasoning itself."""
    fault = find_leak(["A fever is warmth.", text], THOUGHT, warnings)

    assert leak in fault
    assert bool(fault) == bool(leak)


@pytest.mark.parametrize("other", [[ALONE[0], ("c", 1.0)], ALONE[:1], [*ALONE, SURE]])
def test_another_token_is_another_answer(other: list[GreedyToken]) -> None:
    """Also where one of the two is shorter."""
    assert is_equal(ALONE, ALONE, "repeated")
    with pytest.raises(CheckFailed, match="another one repeated"):
        is_equal(ALONE, other, "repeated")


def test_a_tie_between_two_tokens_may_part_answers() -> None:
    """Rounding decides there; from a token on that was sure, it does not."""
    assert not is_equal([ALONE[0], TIED], [ALONE[0], ("c", 0.05)], "repeated")
