"""Placement of notices and disclaimer inside the answer's text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.api.paths import CHAT
from gateway.runtime.json_types import Json
from gateway.safety.wording import Wording

Placement = Literal["off", "prefix", "suffix", "both"]

GAP = "\n\n"  # a paragraph of its own, in plain text and in markdown

# Fields that request machine-readable output, by vLLM's and OpenAI's names.
STRUCTURED = frozenset(
    {
        "functions",
        "structured_outputs",
        "guided_json",
        "guided_regex",
        "guided_choice",
        "guided_grammar",
    }
)


def effective(placement: Placement, path: str, body: Mapping[str, object]) -> Placement:
    """Return the placement for a request: off if it would corrupt machine-readable output.

    With tools it is off for agents, which use the other paths; chat pages send tools with every
    question.
    """
    is_agent = path != CHAT and bool(body.get("tools"))
    return "off" if is_agent or is_structured(body) else placement


def is_structured(body: Mapping[str, object]) -> bool:
    if not STRUCTURED.isdisjoint(body) and any(body.get(name) for name in STRUCTURED):
        return True
    # /v1/responses and /v1/messages put the format one level down.
    holders = [
        holder for holder in map(body.get, ("text", "output_config")) if isinstance(holder, Mapping)
    ]
    formats = [body.get("response_format"), *(holder.get("format") for holder in holders)]
    return any(map(_has_shape, formats))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The texts around an answer for readers who see nothing else: notices and disclaimer."""

    opening: str = ""
    closing: str = ""
    wording: Wording | None = None  # of the sentence about a truncation

    @classmethod
    def of(cls, label: Json, placement: Placement, wording: Wording) -> "Surroundings":
        """Return the texts of a label, whose notices always come first."""
        if placement == "off":
            return NOTHING
        disclaimer = f"{label['disclaimer']['text']}\n{label['emergency_note']}"
        notices = format_notices(label["notices"])
        return cls(
            notices + disclaimer + GAP if placement in ("prefix", "both") else notices,
            GAP + disclaimer if placement in ("suffix", "both") else "",
            wording,
        )

    def place(self, text: str, truncated: str | None = None) -> str:
        """Return a whole answer with all that belongs to it; an empty one stays empty."""
        return self.opening + text + self.end(truncated) if text else text

    def end(self, truncated: str | None) -> str:
        """Return the text after the answer; a truncation is named first."""
        if truncated is None or self.wording is None:
            return self.closing
        return GAP + self.wording.closing(truncated) + self.closing


NOTHING = Surroundings()


def format_notices(notices: Sequence[Mapping[str, str]]) -> str:
    return "".join(f"{notice['message']}{GAP}" for notice in notices)


def _has_shape(response_format: object) -> bool:
    return isinstance(response_format, Mapping) and response_format.get("type") != "text"
