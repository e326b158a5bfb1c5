"""Check that the model calls the offered tool with arguments that fit the tool's schema."""

import json
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.prompts import TOOL, TOOL_QUESTION
from assurance.acceptance.target import Refused, Target
from launcher.json_types import Json

TOKENS: Final = 128
UNSUPPORTED: Final = 400  # HTTP status of an engine that cannot call tools


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The first tool call of an answer, and how the answer ended."""

    name: str
    arguments: str
    finish_reason: str

    @property
    def is_right(self) -> bool:
        """Return whether the call has the offered tool's name and valid arguments."""
        return self.name == TOOL["function"]["name"] and fits_schema(self.arguments)


def fits_schema(text: str) -> bool:
    """Return whether the arguments are JSON that the tool's schema allows."""
    try:
        arguments = json.loads(text)
    except ValueError:
        return False
    needed = set(TOOL["function"]["parameters"]["required"])
    return (
        isinstance(arguments, dict)
        and set(arguments) == needed
        and isinstance(arguments["drug"], str)
    )


async def measure(target: Target) -> ToolCall:
    """Ask a question that requires a call of the tool."""
    try:
        answer = await target.chat(TOOL_QUESTION, TOKENS, tools=[TOOL], tool_choice="required")
    except Refused as refusal:
        if refusal.status != UNSUPPORTED:
            raise
        raise NotApplicable(f"The engine takes no tools for this model. {refusal}") from None
    choice = answer["choices"][0]
    called: list[Json] = choice["message"].get("tool_calls") or [{}]
    function = called[0].get("function") or {}
    return ToolCall(
        str(function.get("name") or ""),
        str(function.get("arguments") or ""),
        str(choice.get("finish_reason")),
    )


def judge(measured: ToolCall) -> Verdict:
    """Pass if the model called the tool with valid arguments."""
    name = measured.name
    return Verdict(
        {
            f"No tool was called; the answer ended with {measured.finish_reason}.": not name,
            "The call is not one that the tool's schema allows.": not measured.is_right,
        },
        "The model called the tool with arguments that its schema allows.",
        f"{name}({measured.arguments[:80]})" if name else "no call",
        "a call that the schema allows",
    )


CHECK: Final = Check("tools", measure, judge)
