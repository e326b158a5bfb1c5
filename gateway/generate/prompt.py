"""A prompt and its answer, whatever form the answer takes."""

from dataclasses import dataclass, field
from typing import Literal

from gateway.json_types import Json

Effort = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier turn of the conversation that a prompt goes on with."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for the model; budgets are in tokens."""

    text: str
    max_tokens: int
    system: str | None = None
    history: tuple[Turn, ...] = ()  # oldest first
    temperature: float = 0.0
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: Effort | None = None
    include_reasoning: bool = False
    was_cut: bool = False
    is_reasoning_withheld: bool = False  # requested, and the policy says no

    def warnings(self) -> list[str]:
        """Warnings about changes to the prompt before it was sent."""
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
    """An answer so far; complete once its deltas have ended."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Json | None = None
    system_fingerprint: str | None = None
    model: object = None  # as the engine names it
    warnings: list[str] = field(default_factory=list)
