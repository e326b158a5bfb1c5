"""The disclaimer on every surface, errors included."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import (
    CHAT,
    COMPLETIONS,
    GENERATE,
    CheckRequest,
    ServiceFacts,
    Target,
)
from launcher.json_types import Json

HEADER: Final = "x-mmhie-disclaimer-version"
PROMPT: Final = QUESTIONS[0]
TOKENS: Final = 16


@dataclass(frozen=True, slots=True)
class Surface:
    """One kind of response. Model output needs header and text, an error only the header."""

    name: str
    status: int
    expected_status: int
    has_header: bool
    has_text: bool
    needs_text: bool

    @property
    def is_right(self) -> bool:
        is_expected = self.status == self.expected_status
        return is_expected and self.has_header and (self.has_text or not self.needs_text)


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The text of the disclaimer on /llm/generate, and every surface."""

    text: str
    surfaces: tuple[Surface, ...]


def requests(facts: ServiceFacts) -> Iterator[tuple[str, CheckRequest]]:
    """Yield the surfaces with model output, then an error and a page without it."""
    yield from answers(facts, PROMPT)
    yield "models", CheckRequest("GET", "/v1/models")
    no_tokens = {"prompt": PROMPT, "max_tokens": 0}
    yield "an error", CheckRequest("POST", GENERATE, no_tokens, status=422)
    yield "no such page", CheckRequest("GET", "/no-such-page", status=404)


def answers(facts: ServiceFacts, prompt: str) -> Iterator[tuple[str, CheckRequest]]:
    """Yield the surfaces with model output."""
    shows = facts.is_reasoning is not False
    generate = {"prompt": prompt, "max_tokens": TOKENS, "include_reasoning": shows}
    plain, events = {"accept": "text/plain"}, {"accept": "text/event-stream"}
    streamed = {**generate, "stream": True}
    yield "generate", CheckRequest("POST", GENERATE, generate)
    yield "generate, events", CheckRequest("POST", GENERATE, streamed, events)
    yield "generate, text", CheckRequest("POST", GENERATE, streamed, plain)
    yield from whole_and_streamed(
        "completions", COMPLETIONS, {"model": facts.model, "prompt": prompt}
    )
    if facts.has_chat_template:
        chat = {"model": facts.model, "messages": [{"role": "user", "content": prompt}]}
        yield from whole_and_streamed("chat", CHAT, chat)
        yield from whole_and_streamed("messages", "/v1/messages", chat)
        responses = {"model": facts.model, "input": prompt, "max_output_tokens": TOKENS}
        yield from whole_and_streamed("responses", "/v1/responses", responses)


def whole_and_streamed(name: str, path: str, body: Json) -> Iterator[tuple[str, CheckRequest]]:
    """Yield a surface of the OpenAI API as JSON and as a stream."""
    limit = {} if "max_output_tokens" in body else {"max_tokens": TOKENS}
    whole = {**limit, **body}
    yield name, CheckRequest("POST", path, whole)
    yield f"{name}, stream", CheckRequest("POST", path, {**whole, "stream": True})


async def measure(target: Target) -> Surfaces:
    """Ask every surface for a short answer."""
    text = ""
    surfaces: list[Surface] = []
    for name, request in requests(target.facts):
        answer = await target.send(request)
        if not surfaces and answer.status_code == 200:
            text = str(answer.json().get("disclaimer") or "")
        surfaces.append(
            Surface(
                name=name,
                status=answer.status_code,
                expected_status=request.status,
                has_header=bool(answer.headers.get(HEADER)),
                has_text=is_in(answer.text, text),
                needs_text=request.body is not None and request.status == 200,
            )
        )
    return Surfaces(text, tuple(surfaces))


def is_in(body: str, text: str) -> bool:
    """Return whether the body has the text, as it is or in JSON."""
    forms = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    return bool(text) and any(form in body for form in forms)


def judge(measured: Surfaces) -> Verdict:
    """Every surface has the header, and model output has the text."""
    wrong = [surface.name for surface in measured.surfaces if not surface.is_right]
    count = len(measured.surfaces)
    fault = "The disclaimer is missing or the answer is not as expected on: "
    return Verdict(
        {f"{fault}{'; '.join(wrong)}.": wrong},
        f"All {count} surfaces carry the disclaimer.",
        f"{count - len(wrong)} of {count}",
        "all",
    )


CHECK: Final = Check("disclaimer", measure, judge)
