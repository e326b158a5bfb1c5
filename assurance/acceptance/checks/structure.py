"""Check structured output: the answer is JSON that conforms to the requested schema."""

import re
from typing import Final

from assurance.acceptance.check import NotApplicable
from assurance.acceptance.prompts import QUESTIONS, SCHEMA
from assurance.acceptance.target import CheckFailed, Target

TOKENS: Final = 64
FORM: Final = {"type": "json_schema", "json_schema": {"name": "fever", "schema": SCHEMA}}
CONFORMS: Final = re.compile(r'\s*\{\s*"answer"\s*:\s*\d{1,3}\s*\}\s*')
# A model may write white space up to the token limit, which the engine cannot prevent.
CUT: Final = re.compile(r'\s*\{\s*"answer"\s*:\s*\d{1,3}\s*\}?\s*')


async def check(target: Target) -> str:
    """Pass if the content conforms to the schema, as far as it goes if it was cut off."""
    if not target.facts.has_chat_template:
        raise NotApplicable("This model has no chat template")
    message, end = await target.chat(QUESTIONS[0], TOKENS, response_format=FORM)
    form = CUT if end == "length" else CONFORMS
    if not form.fullmatch(str(message.get("content") or "")):
        raise CheckFailed(f"The answer is not JSON of the schema; it ended with {end}")
    return "The answer is JSON of the schema."
