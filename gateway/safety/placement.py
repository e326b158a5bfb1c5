"""Placement of the disclaimer inside the answer's text."""

from collections.abc import Mapping
from typing import Literal

Placement = Literal["off", "prefix", "suffix", "both"]

GAP = "\n\n"  # a paragraph of its own, in plain text and in markdown

# Fields that request machine-readable output, by vLLM's and OpenAI's names.
STRUCTURED = frozenset(
    {
        "tools",
        "functions",
        "structured_outputs",
        "guided_json",
        "guided_regex",
        "guided_choice",
        "guided_grammar",
    }
)


def effective(placement: Placement, body: Mapping[str, object]) -> Placement:
    """Return the placement for a request: off if it would corrupt machine-readable output."""
    return "off" if is_structured(body) else placement


def is_structured(body: Mapping[str, object]) -> bool:
    """Return whether a request has tools or a structured output format."""
    if not STRUCTURED.isdisjoint(body) and any(body.get(name) for name in STRUCTURED):
        return True
    # /v1/responses and /v1/messages put the format one level down.
    holders = [
        holder for holder in map(body.get, ("text", "output_config")) if isinstance(holder, Mapping)
    ]
    formats = [body.get("response_format"), *(holder.get("format") for holder in holders)]
    return any(map(_has_shape, formats))


def opening(disclaimer: str, placement: Placement) -> str:
    """Return the text before the answer."""
    return disclaimer + GAP if placement in ("prefix", "both") else ""


def closing(disclaimer: str, placement: Placement) -> str:
    """Return the text after the answer."""
    return GAP + disclaimer if placement in ("suffix", "both") else ""


def place(text: str, disclaimer: str, placement: Placement) -> str:
    """Return an answer with the disclaimer around it."""
    return opening(disclaimer, placement) + text + closing(disclaimer, placement)


def _has_shape(response_format: object) -> bool:
    return isinstance(response_format, Mapping) and response_format.get("type") != "text"
