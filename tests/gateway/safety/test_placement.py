"""Notices and disclaimer in the text, and the requests that never have them there."""

from typing import Any

import pytest

from gateway.safety.placement import NOTHING, Placement, Surroundings, effective
from gateway.safety.wording import wording

LABEL = {
    "disclaimer": {"text": "Not advice."},
    "emergency_note": "No detector.",
    "notices": [{"message": "Call 112."}],
}


@pytest.mark.parametrize(
    ("placement", "placed"),
    [
        ("off", "Rest."),
        ("prefix", "Call 112.\n\nNot advice.\nNo detector.\n\nRest."),
        ("suffix", "Call 112.\n\nRest.\n\nNot advice.\nNo detector."),
        ("both", "Call 112.\n\nNot advice.\nNo detector.\n\nRest.\n\nNot advice.\nNo detector."),
    ],
)
def test_each_is_a_paragraph_of_its_own(placement: Placement, placed: str) -> None:
    """Notices first wherever the disclaimer is; never within the answer, nor around nothing."""
    around = Surroundings.of(LABEL, placement, wording("en"))

    assert around.place("Rest.") == placed
    assert around.place("") == ""


def test_a_cut_follows_the_text() -> None:
    """In the reader's language, before the disclaimer."""
    around = Surroundings.of(LABEL, "suffix", wording("de"))

    assert around.end("in_answer").startswith("\n\n[abgeschnitten")
    assert around.end("in_answer").endswith(around.closing)
    assert NOTHING.end("in_answer") == ""


STRUCTURED: tuple[Any, ...] = (
    {"tools": [{"type": "function"}]},
    {"functions": [{"name": "f"}]},
    {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "json_schema", "json_schema": {}}},
    {"structured_outputs": {"choice": ["yes", "no"]}},
    {"guided_regex": "[0-9]+"},
    {"text": {"format": {"type": "json_schema"}}},
)
PROSE: tuple[Any, ...] = (
    *({}, {"tools": []}, {"tools": None}, {"response_format": None}, {"text": "a prompt"}),
    {"response_format": {"type": "text"}},
    {"text": {"format": {"type": "text"}}},
)


@pytest.mark.parametrize("body", [*STRUCTURED, *PROSE])
def test_never_into_what_a_program_reads(body: dict[str, object]) -> None:
    """With tools or a structured output it is off; other fields change nothing."""
    placements: tuple[Placement, ...] = ("both", "suffix")
    for placement in placements:
        assert effective(placement, body) == (placement if body in PROSE else "off")
