"""Requests that must be refused are, with the right status and an error object."""

from typing import Final

from assurance.acceptance.check import ask_each
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CHAT, COMPLETIONS, GENERATE, CheckRequest, Target

CONTEXT: Final = 131_072  # tokens, where the service does not report its model's
IMAGE: Final = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}


async def check(target: Target) -> str:
    """Send every request."""
    asked = requests(target)
    await ask_each(target, asked, "Not refused as documented")
    return f"All {len(asked)} requests that must be refused are."


def requests(target: Target) -> tuple[CheckRequest, ...]:
    """Return the requests, named by what is wrong with them."""
    facts = target.facts
    prompt, named = QUESTIONS[0], {"model": facts.model, "max_tokens": 1}
    long = "fever " * ((facts.max_model_len or CONTEXT) + 1)
    chat = {**named, "messages": [{"role": "user", "content": prompt}]}
    image = {**named, "messages": [{"role": "user", "content": [IMAGE]}]}
    completion, embedding = {**named, "prompt": long}, {"model": facts.model, "input": prompt}
    return (
        CheckRequest("no tokens asked for", GENERATE, {"prompt": prompt, "max_tokens": 0}, 422),
        CheckRequest("an unknown field", GENERATE, {"prompt": prompt, "colour": "red"}, 422),
        CheckRequest("a body that is not JSON", CHAT, "{", 400),
        CheckRequest("an image", CHAT, image, 400),
        CheckRequest("an unknown model", CHAT, {**chat, "model": "none-such"}, 404),
        CheckRequest("a prompt over the context", COMPLETIONS, completion, 400),
        CheckRequest("embeddings", "/v1/embeddings", embedding, 501),
        CheckRequest("a page of the engine's", "/sleep", "", 404),
        CheckRequest("a wrong method", CHAT, "", 405, "DELETE"),
    )
