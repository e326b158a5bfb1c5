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
    generate = {"prompt": QUESTIONS[0], "max_tokens": 1}
    messages = [{"role": "user", "content": QUESTIONS[0]}]
    chat = {"model": target.facts.model, "messages": messages, "max_tokens": 1}
    requests = (
        CheckRequest(GENERATE, GENERATE, generate, 401),
        CheckRequest(CHAT, CHAT, chat, 401),
        CheckRequest("/v1/models", "/v1/models", None, 401, "GET"),
    )
    for how, key in STRANGERS.items():
        async with Target(target.url, key, target.facts) as stranger:
            await ask_each(stranger, requests, f"Answered {how}")
    return "Without a key, and with an unknown one, nothing is answered."
