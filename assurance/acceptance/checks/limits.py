"""Requests that must be refused are, with the right status and an error object."""

import json
from typing import Final

import httpx2

from assurance.acceptance.check import ask_each
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

CONTEXT: Final = 131_072  # tokens, where the service does not report its model's
IMAGE: Final = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}


async def check(target: Target) -> str:
    """Send every request."""
    asked = requests(target.facts)
    await ask_each(target, asked, "Not refused as documented", lack)
    return f"All {len(asked)} requests that must be refused are."


def requests(facts: ServiceFacts) -> tuple[CheckRequest, ...]:
    """Return the requests, named by what is wrong with them."""
    prompt, model = QUESTIONS[0], facts.model
    long = "fever " * ((facts.max_model_len or CONTEXT) + 1)

    def chat(content: object, model: str = model) -> Json:
        messages = [{"role": "user", "content": content}]
        return {"model": model, "messages": messages, "max_tokens": 1}

    completion = {"model": model, "prompt": long, "max_tokens": 1}
    embedding = {"model": model, "input": prompt}
    return (
        CheckRequest("no tokens asked for", GENERATE, {"prompt": prompt, "max_tokens": 0}, 422),
        CheckRequest("an unknown field", GENERATE, {"prompt": prompt, "colour": "red"}, 422),
        CheckRequest("a body that is not JSON", CHAT, "{", 400),
        CheckRequest("an image", CHAT, chat([IMAGE]), 400),
        CheckRequest("an unknown model", CHAT, chat(prompt, "no-such-model"), 404),
        CheckRequest("a prompt over the context", COMPLETIONS, completion, 400),
        CheckRequest("embeddings", "/v1/embeddings", embedding, 501),
        CheckRequest("a page of the engine's", "/sleep", "", 404),
        CheckRequest("a wrong method", CHAT, "", 405, "DELETE"),
    )


def lack(_: CheckRequest, answer: httpx2.Response) -> str:
    """Name the error object where the body is none with a message."""
    try:
        return "" if json.loads(answer.text)["error"]["message"] else "message"
    except (ValueError, KeyError, TypeError):
        return "error object"
