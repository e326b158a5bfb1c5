"""Check that nobody gets an answer without a key."""

from typing import Final

from assurance.acceptance.check import NotApplicable, ask_each
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CHAT, GENERATE, CheckRequest, Target

STRANGERS: Final = {"without a key": None, "with an unknown key": "mmhie-nobody-has-this-key"}


async def check(target: Target) -> str:
    """Ask without a key, and with one that does not exist."""
    if target.is_local and not target.key:
        raise NotApplicable("The address is on this machine, and no key was given (--key)")
    for how, key in STRANGERS.items():
        async with Target(target.url, key, target.facts) as stranger:
            await ask_each(stranger, requests(target.facts.model), f"Answered {how}")
    return "Without a key, and with an unknown one, nothing is answered."


def requests(model: str) -> tuple[CheckRequest, ...]:
    """Return the requests that need a key."""
    generate = {"prompt": QUESTIONS[0], "max_tokens": 1}
    messages = [{"role": "user", "content": QUESTIONS[0]}]
    chat = {"model": model, "messages": messages, "max_tokens": 1}
    return (
        CheckRequest(GENERATE, GENERATE, generate, 401),
        CheckRequest(CHAT, CHAT, chat, 401),
        CheckRequest("/v1/models", "/v1/models", None, 401, "GET"),
    )
