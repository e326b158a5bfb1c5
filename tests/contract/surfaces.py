"""Every surface model output leaves by, as rows a test can run over."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import httpx2

Form = Literal["json", "sse", "text"]
GENERATE, CHAT = "/llm/generate", "/v1/chat/completions"
COMPLETIONS, RESPONSES = "/v1/completions", "/v1/responses"
MESSAGES = "/v1/messages"
PROMPT = "Summarise the findings."
# Anthropic's API has no field that ignores the end of a text; a list may not end early.
LIST = {"type": "array", "items": {"const": "heart"}, "minItems": 300}
LONG_LIST = {"output_config": {"format": {"type": "json_schema", "schema": LIST}}}


@dataclass(frozen=True, slots=True)
class Surface:
    """One surface: a path, the form of its answer, and how it is asked."""

    name: str
    path: str
    form: Form

    @property
    def headers(self) -> dict[str, str]:
        """Request headers that select the form, beside the body."""
        return {"accept": "text/plain"} if self.form == "text" else {}

    def body(self, prompt: str = PROMPT, **more: Any) -> dict[str, Any]:
        """A request body that this surface answers."""
        asked: dict[str, dict[str, Any]] = {
            GENERATE: {"prompt": prompt},
            CHAT: {"messages": [{"role": "user", "content": prompt}]},
            COMPLETIONS: {"prompt": prompt},
            RESPONSES: {"input": prompt},
            MESSAGES: {"messages": [{"role": "user", "content": prompt}], "max_tokens": 100},
        }
        stream = {} if self.form == "json" else {"stream": True}
        return {**asked[self.path], **self.model, **stream, **more}

    @property
    def model(self) -> dict[str, str]:
        """The OpenAI and Anthropic APIs name their model."""
        return {} if self.path == GENERATE else {"model": "fake-model"}

    def limit(self, tokens: int) -> dict[str, Any]:
        """The field that limits the answer's length."""
        return {"max_output_tokens" if self.path == RESPONSES else "max_tokens": tokens}

    @property
    def lasting(self) -> dict[str, Any]:
        """Fields with which a real model goes on to its limit of tokens."""
        if self.path == GENERATE:
            return {}
        return LONG_LIST if self.path == MESSAGES else {"ignore_eos": True}

    @property
    def engine_path(self) -> str:
        """The engine's path that this surface asks."""
        return CHAT if self.path == GENERATE else self.path

    def ask(self, client: httpx2.Client, prompt: str = PROMPT, **more: Any) -> httpx2.Response:
        """The whole answer."""
        return client.post(self.path, json=self.body(prompt, **more), headers=self.headers)

    def stream(
        self, client: httpx2.Client, prompt: str = PROMPT, **more: Any
    ) -> AbstractContextManager[httpx2.Response]:
        """The answer as it comes."""
        body = self.body(prompt, **more)
        return client.stream("POST", self.path, json=body, headers=self.headers)


SURFACES = (
    Surface("generate-json", GENERATE, "json"),
    Surface("generate-sse", GENERATE, "sse"),
    Surface("generate-text", GENERATE, "text"),
    Surface("chat-json", CHAT, "json"),
    Surface("chat-sse", CHAT, "sse"),
    Surface("completions-json", COMPLETIONS, "json"),
    Surface("completions-sse", COMPLETIONS, "sse"),
    Surface("responses-json", RESPONSES, "json"),
    Surface("responses-sse", RESPONSES, "sse"),
    Surface("messages-json", MESSAGES, "json"),
    Surface("messages-sse", MESSAGES, "sse"),
)
STREAMS = tuple(surface for surface in SURFACES if surface.form != "json")
WHOLES = tuple(surface for surface in SURFACES if surface.form == "json")
JSON, SSE, TEXT, CHAT_JSON, CHAT_SSE = SURFACES[:5]
ON_V1 = SURFACES[3:]


def name_of(surface: Surface) -> str:
    """For pytest's ids."""
    return surface.name


def events(body: bytes) -> list[Any]:
    """The events of a stream: JSON where it is JSON, `[DONE]` as it is."""
    matches = re.findall(rb"^data: (.*)$", body, re.MULTILINE)
    return [
        payload.decode() if payload == b"[DONE]" else json.loads(payload) for payload in matches
    ]


def readable(answer: httpx2.Response) -> str:
    """All strings of a response in their order, which hold its text; or the plain text."""
    if answer.headers["content-type"].startswith("text/plain"):
        return answer.text
    whole = answer.headers["content-type"].startswith("application/json")
    return "".join(strings(answer.json() if whole else events(answer.content)))


def strings(value: Any) -> Iterator[str]:
    """Yield the texts in JSON under the names that answers have them by."""
    if isinstance(value, list):
        for part in value:
            yield from strings(part)
    for name, part in value.items() if isinstance(value, dict) else ():
        if isinstance(part, str) and name in {"text", "content", "delta"}:
            yield part
        elif name != "mmhie":
            yield from strings(part)


def error_of(answer: httpx2.Response) -> Mapping[str, Any]:
    """The error object of a response, whose shape is checked on the way."""
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    body = answer.json()
    if body.pop("type", None) == "error":  # of Anthropic's API, with an object in the common shape
        assert body.pop("request_id") == answer.headers["request-id"]
    assert set(body) == {"error"}, body
    return checked(body["error"])


def refusal_of(answer: httpx2.Response) -> tuple[int, Any]:
    """The status and the code of a refusal, whose shape is checked on the way."""
    return answer.status_code, error_of(answer)["code"]


def checked(error: Any) -> Mapping[str, Any]:
    """An error object that has the one shape."""
    assert isinstance(error, dict), error
    assert list(error) == ["message", "type", "param", "code"], error
    assert isinstance(error["message"], str), error
    assert error["message"], error
    assert isinstance(error["type"], str), error
    assert error["param"] is None or isinstance(error["param"], str), error
    return error


def mmhie_of(surface: Surface, answer: httpx2.Response) -> Mapping[str, Any]:
    """The `mmhie` object of an answer in JSON or of a stream, its two parts merged."""
    if surface.form == "json":
        return dict(answer.json()["mmhie"])
    carried = [event for event in map(carrier, events(answer.content)) if event]
    first, last = carried[0], carried[-1]
    both = {
        name: {**first.get(name, {}), **last.get(name, {})} for name in ("disclaimer", "provenance")
    }
    return {**first, **last, **both}


def carrier(event: Any) -> Mapping[str, Any]:
    """The `mmhie` object an event carries, empty where there is none."""
    if not isinstance(event, dict):
        return {}
    holders = (event, event.get("response") or {}, event.get("message") or {})
    return next((dict(holder["mmhie"]) for holder in holders if holder.get("mmhie")), {})
