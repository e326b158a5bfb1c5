"""The disclaimer on every surface, errors included."""

import json
from collections.abc import Iterator
from typing import Final

from assurance.acceptance.check import Check, Survey, SurveyAnswer, Verdict
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


async def measure(target: Target) -> Survey:
    """Ask every surface for a short answer."""
    text = ""
    answers: list[SurveyAnswer] = []
    for name, request in requests(target.facts):
        answer = await target.send(request)
        if not answers and answer.status_code == 200:
            text = str(answer.json().get("disclaimer") or "")
        lacks = "" if answer.headers.get(HEADER) else "header"
        if request.body is not None and request.status == 200 and not is_in(answer.text, text):
            lacks = "text"
        answers.append(SurveyAnswer(name, answer.status_code, request.status, lacks))
    return Survey(tuple(answers))


def is_in(body: str, text: str) -> bool:
    """Return whether the body has the text, as it is or in JSON."""
    forms = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    return bool(text) and any(form in body for form in forms)


def judge(measured: Survey) -> Verdict:
    """Every surface has the header, and model output has the text."""
    fault = "The disclaimer is missing or the answer is not as expected on"
    return measured.judge(fault, "All {} surfaces carry the disclaimer.", "all")


CHECK: Final = Check("disclaimer", measure, judge)
