"""A finished answer and what belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Truncated = Literal["in_reasoning", "in_answer", "input"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens counted by the engine; reasoning_tokens is None where the model has no such count."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answered; show `disclaimer` and `notices` wherever you show `text`.

    `truncated` says what was cut off: None, "in_reasoning", "in_answer" or "input".
    `repr` leaves text and reasoning out, so that an answer in a log line is not a leak.
    """

    text: str = field(repr=False)
    reasoning: str | None = field(default=None, repr=False)
    disclaimer: str = ""
    notices: tuple[Mapping[str, object], ...] = ()
    warnings: tuple[str, ...] = ()
    truncated: str | None = None
    finish_reason: str | None = None
    usage: Usage = Usage()
    provenance: Mapping[str, object] = field(default_factory=dict)
    request_id: str | None = None
    model: str | None = None
