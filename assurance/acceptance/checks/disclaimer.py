"""The disclaimer on every surface, errors included."""

from typing import Final

import httpx2

from assurance.acceptance.check import ask_each
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.surfaces import is_in, surfaces
from assurance.acceptance.target import GENERATE, CheckRequest, Target

HEADER: Final = "x-mmhie-disclaimer-version"
PROMPT: Final = QUESTIONS[0]


async def check(target: Target) -> str:
    """Pass if every answer has the header, and model output has the text; errors and pages too."""
    answer = await target.post(GENERATE, {"prompt": PROMPT, "max_tokens": 1})
    text = str(answer.get("disclaimer") or "")

    def lack(request: CheckRequest, answer: httpx2.Response) -> str:
        is_output = request.body is not None and request.status == 200
        if is_output and not is_in(answer.text, text):
            return "text"
        return "" if answer.headers.get(HEADER) else "header"

    fault = "The disclaimer is missing or the answer is not as expected on"
    asked = (
        *surfaces(target.facts, PROMPT),
        CheckRequest("models", "/v1/models", method="GET"),
        CheckRequest("an error", GENERATE, {"prompt": PROMPT, "max_tokens": 0}, 422),
        CheckRequest("no such page", "/no-such-page", None, 404, "GET"),
    )
    await ask_each(target, asked, fault, lack)
    return f"All {len(asked)} surfaces carry the disclaimer."
