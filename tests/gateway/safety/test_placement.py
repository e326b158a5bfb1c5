"""The placement of the disclaimer in the text, and the requests that never have it there."""

from typing import Any

import pytest

from gateway.safety.placement import Placement, effective, place

NOTICE = "Not advice."


@pytest.mark.parametrize(
    ("placement", "placed"),
    [
        ("off", "Rest."),
        ("prefix", "Not advice.\n\nRest."),
        ("suffix", "Rest.\n\nNot advice."),
        ("both", "Not advice.\n\nRest.\n\nNot advice."),
    ],
)
def test_the_notice_is_a_paragraph_of_its_own(placement: Placement, placed: str) -> None:
    """Before, after, both or nowhere; never within the answer."""
    assert place("Rest.", NOTICE, placement) == placed


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
