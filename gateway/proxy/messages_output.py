"""The content of a message of Anthropic's API under the caller's output policy."""

from collections.abc import Sequence

from gateway.engine import openai_json
from gateway.errors import EngineGarbled
from gateway.proxy.output_policy import ChoiceState
from gateway.runtime.json_types import Json

THINKING = ("thinking", "redacted_thinking")
# Finish reasons by the names of chat completions. vLLM sends null for an aborted answer.
FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
}
INPUT_TOKENS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def object_in(holder: Json, name: str) -> Json:
    """Return the object under a name; raise EngineGarbled."""
    value = holder.get(name)
    if not isinstance(value, dict):
        raise EngineGarbled("The engine's answer is not one of the Messages API.")
    return value


def pass_on(message: Json, state: ChoiceState) -> tuple[Json, str]:
    """Return the changed fields of a whole message, and its finish reason; raise EngineGarbled."""
    blocks = content_blocks(message)
    passed = [pass_block(block, state) for block in blocks]
    is_changed = any(after is not before for after, before in zip(passed, blocks, strict=True))
    return {"content": passed} if is_changed else {}, finish_reason(message.get("stop_reason"))


def content_blocks(message: Json) -> Sequence[Json]:
    """Return the content blocks of a whole message; raise EngineGarbled."""
    blocks = message.get("content")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise EngineGarbled("The engine's answer is not one of the Messages API.")
    return blocks


def pass_block(block: Json, state: ChoiceState) -> Json:
    """Return a content block for the caller, the same object if nothing changes.

    Hidden thinking stays as an empty block, as in Anthropic's `display: omitted`.
    """
    kind, hides_reasoning = block.get("type"), state.policy.hides_reasoning
    if kind in THINKING:
        state.has_reasoning = True
        return {**block, "thinking": ""} if hides_reasoning and block.get("thinking") else block
    text = openai_json.text_in(block, "text")
    passed = state.pass_text(text)
    state.has_tool_calls |= kind != "text"
    return block if passed == text else {**block, "text": passed}


def finish_reason(stop_reason: object) -> str:
    return FINISH.get(str(stop_reason), str(stop_reason or "abort"))


def token_counts(message: Json) -> Json | None:
    """Return the token counts of a message; Anthropic's API counts cached input separately."""
    usage = openai_json.read_usage(message)
    if usage is None:
        return None
    counts = (usage.get(name) for name in INPUT_TOKENS)
    total = sum(count for count in counts if isinstance(count, int))
    return {"input_tokens": total, "output_tokens": usage.get("output_tokens")}


def merge_counts(opening: Json | None, closing: Json | None) -> Json | None:
    """Merge the counts of a stream's first and closing events: only one may count the prompt."""
    prompt = (closing or {}).get("input_tokens") or (opening or {}).get("input_tokens", 0)
    return {**closing, "input_tokens": prompt} if closing else opening
