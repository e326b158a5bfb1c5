"""Every surface with model output, and what it must carry."""

import json
from collections.abc import Iterator
from typing import Final

from assurance.acceptance.target import CHAT, COMPLETIONS, GENERATE, CheckRequest, ServiceFacts
from launcher.json_types import Json

TOKENS: Final = 16


def surfaces(facts: ServiceFacts, prompt: str) -> Iterator[CheckRequest]:
    """Yield a request for a short answer to each surface, whole and streamed."""
    shows = facts.is_reasoning is not False
    generate = {"prompt": prompt, "max_tokens": TOKENS, "include_reasoning": shows}
    yield from both("generate", GENERATE, generate, "text/event-stream")
    streamed = {**generate, "stream": True}
    yield CheckRequest("generate, text", GENERATE, streamed, accept="text/plain")
    short = {"model": facts.model, "max_tokens": TOKENS}
    yield from both("completions", COMPLETIONS, {**short, "prompt": prompt})
    if facts.has_chat_template:
        chat = {**short, "messages": [{"role": "user", "content": prompt}]}
        yield from both("chat", CHAT, chat)
        yield from both("messages", "/v1/messages", chat)
        responses = {"model": facts.model, "input": prompt, "max_output_tokens": TOKENS}
        yield from both("responses", "/v1/responses", responses)


def both(name: str, path: str, body: Json, accept: str = "*/*") -> Iterator[CheckRequest]:
    """Yield a surface as JSON and as a stream."""
    yield CheckRequest(name, path, body)
    yield CheckRequest(f"{name}, stream", path, {**body, "stream": True}, accept=accept)


def is_in(body: str, text: str) -> bool:
    """Return whether the body has the text, as it is or in JSON."""
    forms = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    return bool(text) and any(form in body for form in forms)
