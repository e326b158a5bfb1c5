"""Structured output: an answer that is JSON of the schema that was asked for."""

import json
from dataclasses import dataclass
from typing import Final

from launcher.acceptance.check import Check, NotApplicable, Verdict
from launcher.acceptance.prompts import SCHEMA, SCHEMA_QUESTION
from launcher.acceptance.target import Target

TOKENS: Final = 64
REASONING_TOKENS: Final = 512  # before them


@dataclass(frozen=True, slots=True)
class Structured:
    """An answer under a schema, and how it ended."""

    content: str
    finish_reason: str

    @property
    def is_right(self) -> bool:
        """The content is an object with the one number."""
        try:
            found = json.loads(self.content)
        except ValueError:
            return False
        is_whole = isinstance(found, dict) and set(found) == set(SCHEMA["required"])
        return is_whole and type(found["answer"]) is int


async def measure(target: Target) -> Structured:
    """Ask for JSON of a schema."""
    if not target.facts.has_chat_template:
        raise NotApplicable("This model has no chat template")
    most = TOKENS + REASONING_TOKENS * target.facts.is_reasoning
    form = {"type": "json_schema", "json_schema": {"name": "fever", "schema": SCHEMA}}
    told = await target.chat(SCHEMA_QUESTION, response_format=form, max_tokens=most)
    choice = told["choices"][0]
    return Structured(str(choice["message"].get("content") or ""), str(choice.get("finish_reason")))


def judge(measured: Structured) -> Verdict:
    """The content is valid under the schema."""
    ended = f"it ended with {measured.finish_reason}"
    return Verdict(
        measured.is_right,
        "The answer is JSON of the schema."
        if measured.is_right
        else f"The answer is not JSON of the schema; {ended}.",
        " ".join(measured.content.split())[:80] or "no content",
        "JSON of the schema",
    )


CHECK: Final = Check("structured output", Structured, measure, judge)
