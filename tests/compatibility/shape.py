"""A shape of request: what is sent to the engine and through the gateway, to be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Form = Literal["whole", "stream"]
CHAT, TEXT, ANSWERS = "/v1/chat/completions", "/v1/completions", "/v1/responses"
BOTH: Final[tuple[Form, ...]] = ("whole", "stream")
STREAM: Final[tuple[Form, ...]] = ("stream",)
WHOLE: Final[tuple[Form, ...]] = ("whole",)

SAY: Final = "Say hi."
STOPPED, CUT = '"finish_reason":"stop"', '"finish_reason":"length"'
CALLS, LAST_USAGE = '"tool_calls":[{', '"choices":[],"usage"'
CANARY: Final = "zebrafish7731"


@dataclass(frozen=True, slots=True)
class Shape:
    """One request: what is asked, and what the engine is known to make of it."""

    name: str
    path: str
    body: Mapping[str, Any]
    forms: tuple[Form, ...] = BOTH
    status: int = 200
    shows: str = ""  # in the engine's answer; without it the shape would not test what it says
    quotes: bool = False  # the engine's message has words that may be the caller's; ours has not
    own: bool = False  # the gateway refuses by itself, with the engine's status
    waits: bool = False  # in a stream a `<` of the text comes with the event after it
    # The text holds control markers, ours must not; None: it may, as the model was trained.
    leaks: bool | None = False
    late: bool = False  # in a stream vLLM says 200 first; the gateway makes its error a status
    raw: bytes = field(default=b"", repr=False)  # a body that is not JSON

    def request(self, model: str, form: Form) -> dict[str, Any]:
        """The body to send."""
        stream = {"stream": True} if form == "stream" else {}
        return {"model": model, **stream, **self.body}


def chat(name: str, body: Mapping[str, Any] | None = None, **how: Any) -> Shape:
    """Greedy and short unless it says otherwise."""
    default = {"messages": [{"role": "user", "content": SAY}], "temperature": 0, "max_tokens": 8}
    return Shape(name, CHAT, {**default, **(body or {})}, **how)


def text(name: str, body: Mapping[str, Any] | None = None, **how: Any) -> Shape:
    default = {"prompt": SAY, "temperature": 0, "max_tokens": 8}
    return Shape(name, TEXT, {**default, **(body or {})}, **how)


def answers(name: str, body: Mapping[str, Any] | None = None, **how: Any) -> Shape:
    default = {"input": SAY, "temperature": 0, "max_output_tokens": 8}
    return Shape(name, ANSWERS, {**default, **(body or {})}, **how)


def usage(**options: Any) -> dict[str, Any]:
    return {"stream_options": options}


def offered(*tools: Mapping[str, Any], choice: object, **more: Any) -> dict[str, Any]:
    """Tools, and which of them the model may or has to call."""
    return {"tools": [*tools], "tool_choice": choice, **more}


USAGE: Final = usage(include_usage=True)
USAGES: Final = usage(include_usage=True, continuous_usage_stats=True)


def refused(make: Any, name: str, body: Mapping[str, Any], **how: Any) -> Shape:
    return make(name, body, **{"status": 400, **how})  # type: ignore[no-any-return] # a Shape
