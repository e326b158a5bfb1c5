"""The output of a Responses API object, as its caller gets it."""

from collections.abc import Mapping
from typing import Any

from gateway.errors import EngineGarbled
from gateway.proxy.choice_state import ChoiceState
from gateway.proxy.output_policy import OutputPolicy
from gateway.safety import harmony
from gateway.safety.reasoning import EMPTY

TEXT = "output_text"
# With `enable_response_messages` vLLM writes all that was generated down once more, as it came.
RAW = "output_messages"

Object = dict[str, Any]


def text_passed(text: str, shape: OutputPolicy) -> str:
    """A whole text, cleaned and surrounded."""
    return shape.surround(harmony.clean(text)[0])


def part_passed(part: Object, shape: OutputPolicy) -> Object:
    """A part of an item's content: the very same object where nothing has to change."""
    if part.get("type") == "reasoning_text" and shape.hides_reasoning:
        return {**part, "text": ""}
    if part.get("type") != TEXT or not part.get("text"):
        return part
    return reworded(part, text_passed(part["text"], shape))


def reworded(holder: Object, text: str) -> Object:
    """What holds a text, with another one; the same object where it is the same."""
    if text == holder["text"]:
        return holder
    after = {**holder, "text": text}
    if holder["text"] not in text and holder.get("logprobs"):
        after["logprobs"] = []  # token by token, they would spell out what was stripped
    return after


def item_passed(item: Object, shape: OutputPolicy) -> Object:
    """An output item: the very same object where nothing has to change."""
    if item.get("type") == "reasoning":
        return {**item, **EMPTY} if shape.hides_reasoning else item
    content = item.get("content") or []
    passed = [part_passed(part, shape) for part in content]
    is_changed = any(after is not before for after, before in zip(passed, content, strict=True))
    return {**item, "content": passed} if is_changed else item


def changes(response: Mapping[str, Any], shape: OutputPolicy) -> Object:
    """What has to change of a Responses API object, perhaps nothing; raises EngineGarbled."""
    try:
        output = response.get("output") or []
        passed = [item_passed(item, shape) for item in output]
    except (AttributeError, TypeError):
        raise EngineGarbled("The engine's response cannot be read.") from None
    is_changed = any(after is not before for after, before in zip(passed, output, strict=True))
    raw = {RAW: None} if shape.hides_reasoning and response.get(RAW) else {}
    return ({"output": passed} if is_changed else {}) | raw


def hear(response: Mapping[str, Any], told: ChoiceState) -> str | None:
    """Take in a Responses API object; why it ended. Raises EngineGarbled."""
    try:
        for item in response.get("output") or ():
            told.hear(as_message(item, told))
        return finish(response)
    except (AttributeError, TypeError):
        raise EngineGarbled("The engine's response cannot be read.") from None


def as_message(item: Mapping[str, Any], told: ChoiceState) -> Object:
    """An output item in the terms of a chat message, without what leaked of Harmony."""
    kind = item.get("type")
    texts = [part.get("text") or "" for part in item.get("content") or ()]
    if kind == "reasoning":
        return {"reasoning": "".join(texts) or "summary"}
    if kind != "message":
        return {"tool_calls": [kind]}
    return {"content": "".join(map(told.clean_whole, texts))}


def finish(response: Mapping[str, Any]) -> str | None:
    """Why it ended: the reason when incomplete, as vLLM gives it, else its status."""
    details = response.get("incomplete_details") or {}
    return details.get("reason") or response.get("status")
