"""A prompt and its answer, independent of the form of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, StringConstraints, with_config
from typing_extensions import TypedDict

# A text that is not blank in JSON Schema or in Python, which has four more blank characters.
NOT_BLANK = r"[^\s\x1c-\x1f]"
Text = Annotated[str, StringConstraints(pattern=NOT_BLANK)]


@with_config(ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True))
class Message(TypedDict):
    """An earlier message of the conversation, sent to the engine unchanged."""

    role: Literal["user", "assistant"]
    content: Text


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation for the model; `max_tokens` is the answer's budget."""

    text: str
    max_tokens: int
    system: str | None = None
    history: tuple[Message, ...] = ()  # oldest first
    include_reasoning: bool = False
    was_cut: bool = False
    is_reasoning_withheld: bool = False  # requested, but the policy forbids it

    def messages(self) -> list[Mapping[str, object]]:
        """Return the whole conversation as messages of the engine's chat API."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self.history, {"role": "user", "content": self.text}]

    def texts(self) -> list[str]:
        system = [self.system] if self.system else []
        return [*system, *(message["content"] for message in self.history), self.text]

    def warnings(self) -> list[str]:
        """Return the warnings about changes to the prompt."""
        changed = {
            "input_truncated": self.was_cut,
            "reasoning_withheld": self.is_reasoning_withheld,
        }
        return [name for name, happened in changed.items() if happened]


@dataclass(frozen=True, slots=True)
class EngineDelta:
    """A piece of an answer."""

    text: str = ""
    reasoning: str = ""
