"""Check that the model calls the offered tool with arguments that fit the tool's schema."""

import json
from typing import Final

from assurance.acceptance.check import NotApplicable
from assurance.acceptance.prompts import TOOL, TOOL_QUESTION
from assurance.acceptance.target import CheckFailed, Refused, Target

TOKENS: Final = 128
UNSUPPORTED: Final = 400  # HTTP status of an engine that cannot call tools


async def check(target: Target) -> str:
    """Pass if the model calls the tool with valid arguments."""
    try:
        tools = {"tools": [TOOL], "tool_choice": "required"}
        message, end = await target.chat(TOOL_QUESTION, TOKENS, **tools)
    except Refused as refusal:
        if refusal.status != UNSUPPORTED:
            raise
        raise NotApplicable(f"The engine takes no tools for this model. {refusal}") from None
    called = message.get("tool_calls") or ()
    if not called:
        raise CheckFailed(f"No tool was called; the answer ended with {end}")
    function = called[0]["function"]
    if function["name"] != TOOL["function"]["name"] or not fits_schema(function["arguments"]):
        raise CheckFailed("The call is not one that the tool's schema allows")
    return "The model called the tool with arguments that its schema allows."


def fits_schema(text: str) -> bool:
    """Return whether the arguments are JSON that the tool's schema allows."""
    try:
        arguments = json.loads(text)
    except ValueError:
        return False
    is_object = isinstance(arguments, dict) and set(arguments) == {"drug"}
    return is_object and isinstance(arguments["drug"], str)
