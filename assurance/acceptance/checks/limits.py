"""Requests that must be refused are, with the right status and an error object."""

import json
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

CONTEXT: Final = 131_072  # tokens, where the service does not report its model's
IMAGE: Final = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}


def requests(facts: ServiceFacts) -> dict[str, CheckRequest]:
    """Return the requests by what is wrong with them."""
    prompt, model = QUESTIONS[0], facts.model
    long = "fever " * ((facts.max_model_len or CONTEXT) + 1)

    def chat(content: object, model: str = model) -> Json:
        messages = [{"role": "user", "content": content}]
        return {"model": model, "messages": messages, "max_tokens": 1}

    completion = {"model": model, "prompt": long, "max_tokens": 1}
    embedding = {"model": model, "input": prompt}
    no_tokens = {"prompt": prompt, "max_tokens": 0}
    unknown_field = {"prompt": prompt, "colour": "red"}
    return {
        "no tokens asked for": CheckRequest("POST", GENERATE, no_tokens, status=422),
        "an unknown field": CheckRequest("POST", GENERATE, unknown_field, status=422),
        "a body that is not JSON": CheckRequest("POST", CHAT, "{", status=400),
        "an image": CheckRequest("POST", CHAT, chat([IMAGE]), status=400),
        "an unknown model": CheckRequest("POST", CHAT, chat(prompt, "no-such-model"), status=404),
        "a prompt over the context": CheckRequest("POST", COMPLETIONS, completion, status=400),
        "embeddings": CheckRequest("POST", "/v1/embeddings", embedding, status=501),
        "a page of the engine's": CheckRequest("POST", "/sleep", "", status=404),
        "a wrong method": CheckRequest("DELETE", CHAT, "", status=405),
    }


async def measure(target: Target) -> Survey:
    """Send every request."""
    answers = []
    for name, request in requests(target.facts).items():
        answer = await target.send(request)
        lacks = "" if has_error(answer.text) else "error object"
        answers.append(SurveyAnswer(name, answer.status_code, request.status, lacks))
    return Survey(tuple(answers))


def has_error(body: str) -> bool:
    """Return whether a body is an error object with a message."""
    try:
        return bool(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return False


def judge(measured: Survey) -> Verdict:
    """Each refusal has the right status and an error object."""
    right = "All {} requests that must be refused are."
    return measured.judge("Not refused as documented", right, "all, with an error object")


CHECK: Final = Check("limits", measure, judge)
