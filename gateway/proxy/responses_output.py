"""The output of a Responses API object, as its caller gets it."""

from gateway.errors import EngineGarbled
from gateway.proxy.output_policy import ChoiceState, OutputPolicy
from gateway.runtime.json_types import Json
from gateway.safety import harmony
from gateway.safety.reasoning import EMPTY

TEXT = "output_text"
# With `enable_response_messages` vLLM writes all that was generated down once more, as it came.
RAW = "output_messages"


def text_passed(text: str, policy: OutputPolicy) -> str:
    """A whole text, cleaned and surrounded."""
    return policy.surround(harmony.clean(text)[0])


def part_passed(part: Json, policy: OutputPolicy) -> Json:
    """A part of an item's content: the very same object where nothing has to change."""
    if part.get("type") == "reasoning_text" and policy.hides_reasoning:
        return {**part, "text": ""}
    if part.get("type") != TEXT:
        return part
    return text_holder_passed(part, policy)


def text_holder_passed(holder: Json, policy: OutputPolicy) -> Json:
    """An object with a text, and perhaps log-probabilities: vLLM's are of all that was generated,
    reasoning included."""
    text = holder.get("text")
    passed = reworded(holder, text_passed(text, policy)) if text else holder
    return without_logprobs(passed) if policy.hides_reasoning else passed


def without_logprobs(holder: Json) -> Json:
    """The object without log-probabilities; the same object where it has none."""
    return {**holder, "logprobs": []} if holder.get("logprobs") else holder


def reworded(holder: Json, text: str) -> Json:
    """Replace the text of an object; the same object where it is the same."""
    if text == holder["text"]:
        return holder
    after = {**holder, "text": text}
    # Token by token, they would spell out what was stripped.
    return after if holder["text"] in text else without_logprobs(after)


def item_passed(item: Json, policy: OutputPolicy) -> Json:
    """An output item: the very same object where nothing has to change."""
    if item.get("type") == "reasoning":
        return {**item, **EMPTY} if policy.hides_reasoning else item
    content = item.get("content") or []
    passed = [part_passed(part, policy) for part in content]
    is_changed = any(after is not before for after, before in zip(passed, content, strict=True))
    return {**item, "content": passed} if is_changed else item


def changes(response: Json, policy: OutputPolicy) -> Json:
    """Return the fields of a Responses API object that have to change; raises EngineGarbled."""
    try:
        output = response.get("output") or []
        passed = [item_passed(item, policy) for item in output]
    except (AttributeError, TypeError):
        raise EngineGarbled("The engine's response is not one of the Responses API.") from None
    is_changed = any(after is not before for after, before in zip(passed, output, strict=True))
    raw = {RAW: None} if policy.hides_reasoning and response.get(RAW) else {}
    return ({"output": passed} if is_changed else {}) | raw


def hear(response: Json, state: ChoiceState) -> str | None:
    """Take in a Responses API object; returns its finish reason. Raises EngineGarbled."""
    try:
        for item in response.get("output") or ():
            state.hear(as_message(item, state))
        return finish(response)
    except (AttributeError, TypeError):
        raise EngineGarbled("The engine's response is not one of the Responses API.") from None


def as_message(item: Json, state: ChoiceState) -> Json:
    """An output item in the terms of a chat message, without what leaked of Harmony."""
    kind = item.get("type")
    texts = [part.get("text") or "" for part in item.get("content") or ()]
    if kind == "reasoning":
        return {"reasoning": "".join(texts) or "summary"}
    if kind != "message":
        return {"tool_calls": [kind]}
    return {"content": "".join(map(state.clean_whole, texts))}


def finish(response: Json) -> str | None:
    """The finish reason: vLLM's reason when incomplete, else the status."""
    details = response.get("incomplete_details") or {}
    return details.get("reason") or response.get("status")
