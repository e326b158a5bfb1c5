"""Requests that must be refused are, with the right status and an error object."""

import json
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CHAT, COMPLETIONS, GENERATE, ServiceFacts, Target

CONTEXT: Final = 131_072  # tokens, where the service does not report its model's
WRONG: Final = ({"max_tokens": 0}, {"colour": "red"})
IMAGE: Final = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One request that must be refused: its status, the expected one, and whether an error object
    came with it."""

    name: str
    status: int
    expected: int
    has_error: bool

    @property
    def is_right(self) -> bool:
        return self.status == self.expected and self.has_error


@dataclass(frozen=True, slots=True)
class Refusals:
    """Every request that must be refused."""

    refusals: tuple[Refusal, ...]


Request = tuple[str, str, str, int]


def requests(facts: ServiceFacts) -> dict[str, Request]:
    """Return method, path, body and expected status of each request, by what is wrong with it."""
    prompt, model = QUESTIONS[0], facts.model
    long = "fever " * ((facts.max_model_len or CONTEXT) + 1)

    def chat(content: object, model: str = model) -> str:
        messages = [{"role": "user", "content": content}]
        return json.dumps({"model": model, "messages": messages, "max_tokens": 1})

    no_tokens, unknown_field = ({"prompt": prompt, **wrong} for wrong in WRONG)
    completion = {"model": model, "prompt": long, "max_tokens": 1}
    embedding = {"model": model, "input": prompt}
    return {
        "no tokens asked for": ("POST", GENERATE, json.dumps(no_tokens), 422),
        "an unknown field": ("POST", GENERATE, json.dumps(unknown_field), 422),
        "a body that is not JSON": ("POST", CHAT, "{", 400),
        "an image": ("POST", CHAT, chat([IMAGE]), 400),
        "an unknown model": ("POST", CHAT, chat(prompt, "no-such-model"), 404),
        "a prompt over the context": ("POST", COMPLETIONS, json.dumps(completion), 400),
        "embeddings": ("POST", "/v1/embeddings", json.dumps(embedding), 501),
        "a page of the engine's": ("POST", "/sleep", "", 404),
        "a wrong method": ("DELETE", CHAT, "", 405),
    }


async def measure(target: Target) -> Refusals:
    """Send each."""
    refusals = []
    for name, (method, path, body, expected) in requests(target.facts).items():
        answer = await target.send(method, path, body)
        refusals.append(Refusal(name, answer.status_code, expected, has_error(answer.text)))
    return Refusals(tuple(refusals))


def has_error(body: str) -> bool:
    """Return whether a body is an error object with a message."""
    try:
        return bool(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return False


def judge(measured: Refusals) -> Verdict:
    """Each has its status and an error object."""
    wrong = [each for each in measured.refusals if not each.is_right]
    shown = "; ".join(f"{each.name} ({each.status}, not {each.expected})" for each in wrong)
    count = len(measured.refusals)
    return Verdict(
        {f"Not refused as documented: {shown}.": wrong},
        f"All {count} requests that must be refused are.",
        f"{count - len(wrong)} of {count}",
        "all, with an error object",
    )


CHECK: Final = Check("limits", measure, judge)
