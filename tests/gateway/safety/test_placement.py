"""Notices and disclaimer in the text, and the requests that never have them there."""

from typing import Any

import pytest

from gateway.api.paths import CHAT, RESPONSES
from gateway.safety.placement import Placement, effective

TOOLS = {"tools": [{"type": "function"}]}
STRUCTURED: tuple[Any, ...] = (
    {"response_format": {"type": "json_schema", "json_schema": {}}},
    {"structured_outputs": {"choice": ["yes", "no"]}},
    {"text": {"format": {"type": "json_schema"}}},
    {"output_config": {"format": {"type": "json_schema"}}},
    *({name: "x"} for name in ("guided_regex", "guided_choice")),
    *({"guided_json": "{}"}, {"guided_grammar": "x"}, {"functions": [{"name": "f"}]}),
)
PROSE: tuple[Any, ...] = (
    *({}, {"tools": []}, {"tools": None}, {"response_format": None}, {"text": "a prompt"}),
    {"response_format": {"type": "text"}},
    {"text": {"format": {"type": "text"}}},
)


@pytest.mark.parametrize("body", [*STRUCTURED, *PROSE])
def test_never_into_what_a_program_reads(body: dict[str, object]) -> None:
    """With a structured output it is off, with tools where agents are; other fields change
    nothing."""
    placements: tuple[Placement, ...] = ("both", "suffix")
    for placement in placements:
        wanted = placement if body in PROSE else "off"
        assert effective(placement, CHAT, body) == wanted
        assert effective(placement, CHAT, body | TOOLS) == wanted
        assert effective(placement, RESPONSES, body | TOOLS) == "off"
