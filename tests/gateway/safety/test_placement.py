"""The disclaimer's place inside the text, and the requests that never have it there."""

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
    """Before, after, both or nowhere; never in the middle of the answer."""
    assert place("Rest.", NOTICE, placement) == placed


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [{"type": "function"}]},
        {"functions": [{"name": "f"}]},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        {"structured_outputs": {"choice": ["yes", "no"]}},
        {"guided_regex": "[0-9]+"},
        {"text": {"format": {"type": "json_schema"}}},
    ],
)
def test_never_into_what_a_program_reads(body: dict[str, object]) -> None:
    """With tools or a structured output the placement is off, whatever was configured."""
    assert effective("both", body) == "off"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tools": []},
        {"tools": None},
        {"response_format": {"type": "text"}},
        {"response_format": None},
        {"text": {"format": {"type": "text"}}},
        {"text": "a prompt"},
    ],
)
def test_prose_keeps_the_configured_placement(body: dict[str, object]) -> None:
    """Fields that ask for nothing structured change nothing."""
    assert effective("suffix", body) == "suffix"
