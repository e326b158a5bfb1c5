"""What is asked, and what comes back, whichever door and form it takes."""

from dataclasses import dataclass, field
from typing import Any, Literal

Effort = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question put to the model; budgets are in tokens."""

    prompt: str
    max_tokens: int
    system: str | None = None
    temperature: float = 0.0
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: Effort | None = None
    include_reasoning: bool = False
    was_cut: bool = False
    is_reasoning_withheld: bool = False  # it was asked for, and the policy says no

    def warnings(self) -> list[str]:
        """What was changed of the question before it was asked."""
        changed = {
            "input_truncated": self.was_cut,
            "reasoning_withheld": self.is_reasoning_withheld,
        }
        return [name for name, happened in changed.items() if happened]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer, as the engine emitted it."""

    text: str = ""
    reasoning: str = ""


@dataclass(slots=True)
class Answer:
    """What is known of an answer so far; complete once its deltas have ended."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    system_fingerprint: str | None = None
    warnings: list[str] = field(default_factory=list)
