"""The content of a message of Anthropic's API, as its caller gets it."""

from collections.abc import Sequence

from gateway.engine import openai_json
from gateway.errors import EngineGarbled
from gateway.proxy.output_policy import ChoiceState, OutputPolicy
from gateway.runtime.json_types import Json
from gateway.safety import harmony

THINKING = ("thinking", "redacted_thinking")
# Finish reasons in the terms of chat completions. vLLM has none, null, for an aborted answer.
FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
}
INPUT_TOKENS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def object_in(holder: Json, name: str) -> Json:
    """The object under a name; raises EngineGarbled."""
    value = holder.get(name)
    if not isinstance(value, dict):
        raise EngineGarbled("The engine's answer is not one of the Messages API.")
    return value


def blocks_of(message: Json) -> Sequence[Json]:
    """The content blocks of a whole message; raises EngineGarbled."""
    blocks = message.get("content")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise EngineGarbled("The engine's answer is not one of the Messages API.")
    return blocks


def block_passed(block: Json, policy: OutputPolicy) -> Json:
    """A content block: the very same object where nothing has to change. Thinking that is hidden
    stays as an empty block, as in Anthropic's `display: omitted`."""
    if block.get("type") in THINKING:
        is_hidden = policy.hides_reasoning and block.get("thinking")
        return {**block, "thinking": ""} if is_hidden else block
    text = openai_json.text_in(block, "text")
    passed = policy.surround(harmony.clean(text)[0])
    return block if passed == text else {**block, "text": passed}


def changes(message: Json, policy: OutputPolicy) -> Json:
    """The fields of a whole message that have to change; raises EngineGarbled."""
    blocks = blocks_of(message)
    passed = [block_passed(block, policy) for block in blocks]
    is_changed = any(after is not before for after, before in zip(passed, blocks, strict=True))
    return {"content": passed} if is_changed else {}


def hear(message: Json, state: ChoiceState) -> str:
    """Take in a whole message; returns its finish reason. Raises EngineGarbled."""
    for block in blocks_of(message):
        state.hear(as_message(block, state))
    return finish(message.get("stop_reason"))


def as_message(block: Json, state: ChoiceState) -> Json:
    """A content block in the terms of a chat message, without what leaked of Harmony."""
    kind = block.get("type")
    if kind in THINKING:
        return {"reasoning": block.get("thinking") or "redacted"}
    if kind != "text":
        return {"tool_calls": [kind]}
    return {"content": state.clean_whole(openai_json.text_in(block, "text"))}


def finish(stop_reason: object) -> str:
    """The finish reason that a stop reason means."""
    return FINISH.get(str(stop_reason), str(stop_reason or "abort"))


def usage_of(message: Json) -> Json | None:
    """The token counts of a message, cached input included, which Anthropic's API counts apart."""
    usage = openai_json.usage_of(message)
    if usage is None:
        return None
    counts = (usage.get(name) for name in INPUT_TOKENS)
    total = sum(count for count in counts if isinstance(count, int))
    return {"input_tokens": total, "output_tokens": usage.get("output_tokens")}


def both(opening: Json | None, closing: Json | None) -> Json | None:
    """The counts of a stream: those at its end, with the prompt's where only its beginning has
    them."""
    prompt = (closing or {}).get("input_tokens") or (opening or {}).get("input_tokens", 0)
    return {**closing, "input_tokens": prompt} if closing else opening
