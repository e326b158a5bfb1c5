"""The output of a Responses API object under the caller's output policy."""

from gateway.errors import EngineGarbled
from gateway.proxy.output_policy import ChoiceState
from gateway.runtime.json_types import Json
from gateway.safety.reasoning import EMPTY

# With `enable_response_messages` vLLM repeats everything it generated here, unprocessed.
RAW = "output_messages"


def pass_on(response: Json, state: ChoiceState) -> tuple[Json, str | None]:
    """Return the changed fields of a Responses API object, and its finish reason; raise
    EngineGarbled."""
    try:
        output = response.get("output") or []
        passed = [pass_item(item, state) for item in output]
        finish = finish_reason(response)
    except (AttributeError, TypeError):
        raise EngineGarbled("The engine's response is not one of the Responses API.") from None
    is_changed = any(after is not before for after, before in zip(passed, output, strict=True))
    raw = {RAW: None} if state.policy.hides_reasoning and response.get(RAW) else {}
    return ({"output": passed} if is_changed else {}) | raw, finish


def pass_item(item: Json, state: ChoiceState) -> Json:
    """Return an output item for the caller, the same object if nothing changes."""
    if item.get("type") == "reasoning":
        state.has_reasoning = True
        return {**item, **EMPTY} if state.policy.hides_reasoning else item
    state.has_tool_calls |= item.get("type") != "message"
    content = item.get("content") or []
    passed = [pass_part(part, state) for part in content]
    is_changed = any(after is not before for after, before in zip(passed, content, strict=True))
    return {**item, "content": passed} if is_changed else item


def pass_part(part: Json, state: ChoiceState) -> Json:
    """Return a part of an item's content, the same object if nothing changes."""
    if part.get("type") == "reasoning_text":
        return {**part, "text": ""} if state.policy.hides_reasoning else part
    return pass_text(part, state)


def pass_text(holder: Json, state: ChoiceState) -> Json:
    """Return an object that holds a text, the same one if nothing changes. vLLM's
    log-probabilities cover everything it generated, including reasoning."""
    text = holder.get("text")
    passed = replace_text(holder, state.pass_text(text)) if text else holder
    return without_logprobs(passed) if state.policy.hides_reasoning else passed


def without_logprobs(holder: Json) -> Json:
    """Return an object without log-probabilities; the same object if it has none."""
    return {**holder, "logprobs": []} if holder.get("logprobs") else holder


def replace_text(holder: Json, text: str) -> Json:
    """Replace the text of an object; the same object if the text is the same."""
    if text == holder["text"]:
        return holder
    after = {**holder, "text": text}
    # Token by token, they would spell out the stripped text.
    return after if holder["text"] in text else without_logprobs(after)


def finish_reason(response: Json) -> str | None:
    """Return vLLM's reason for an incomplete response, else its status."""
    details = response.get("incomplete_details") or {}
    return details.get("reason") or response.get("status")
