"""Answers with their metadata, and the events of a stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Notice = Mapping[str, object]  # id, summary, message and more, as the gateway worded them


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens counted by the engine; reasoning_tokens is None where the model has no such count."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The model's answer; show `disclaimer`, `emergency_note`, `notices` wherever you show `text`.

    `truncated` says what was cut off: None, "in_reasoning", "in_answer" or "input".
    `repr` leaves text and reasoning out, so that an answer in a log line is not a leak.
    """

    text: str = field(repr=False)
    reasoning: str | None = field(default=None, repr=False)
    disclaimer: str = ""
    notices: tuple[Notice, ...] = ()
    warnings: tuple[str, ...] = ()
    truncated: str | None = None
    finish_reason: str | None = None
    usage: Usage = Usage()
    provenance: Mapping[str, object] = field(default_factory=dict)
    request_id: str | None = None
    model: str | None = None
    emergency_note: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the answer."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's reasoning; comes only when include_reasoning was set."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """The answer is complete: the last event of every stream that did not fail."""

    answer: Answer


Event = Delta | ReasoningDelta | End
