"""Check structured output: the answer is JSON that conforms to the requested schema."""

import re
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.prompts import SCHEMA, SCHEMA_QUESTION
from assurance.acceptance.target import Target

TOKENS: Final = 64
# Answers that conform to SCHEMA: cut off at the token limit, and complete.
CUT: Final = re.compile(r'\s*\{\s*"answer"\s*:\s*\d{1,3}\s*\}?\s*')
COMPLETE: Final = re.compile(r'\s*\{\s*"answer"\s*:\s*\d{1,3}\s*\}\s*')


@dataclass(frozen=True, slots=True)
class Structured:
    """An answer to a request with a schema, and how it ended."""

    content: str
    finish_reason: str

    @property
    def is_right(self) -> bool:
        """Return whether the content conforms to the schema, as far as it goes if it was cut off.

        A model may write white space up to the token limit, which the engine cannot prevent.
        """
        form = CUT if self.is_cut else COMPLETE
        return form.fullmatch(self.content) is not None

    @property
    def is_cut(self) -> bool:
        return self.finish_reason == "length"


async def measure(target: Target) -> Structured:
    """Ask for JSON with a schema."""
    if not target.facts.has_chat_template:
        raise NotApplicable("This model has no chat template")
    form = {"type": "json_schema", "json_schema": {"name": "fever", "schema": SCHEMA}}
    answer = await target.chat(SCHEMA_QUESTION, TOKENS, response_format=form)
    choice = answer["choices"][0]
    return Structured(str(choice["message"].get("content") or ""), str(choice.get("finish_reason")))


def judge(measured: Structured) -> Verdict:
    """Pass if the content conforms to the schema."""
    fault = f"The answer is not JSON of the schema; it ended with {measured.finish_reason}."
    return Verdict(
        {fault: not measured.is_right},
        "The answer keeps to the schema; the model did not end it in time."
        if measured.is_cut
        else "The answer is JSON of the schema.",
        " ".join(measured.content.split())[:80] or "no content",
        "JSON of the schema",
    )


CHECK: Final = Check("structured output", measure, judge)
