"""/v1/messages as vLLM 0.32 writes it: Anthropic's Messages API; field order is part of it."""

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fake_engine.chat import Frame, Head, compact
from tests.fake_engine.plan import Plan

STOP_REASONS = {"length": "max_tokens", "stop": "end_turn", "tool_calls": "tool_use"}
FAILURE = {"type": "internal_error", "message": "Error in message stream converter."}
Step = tuple[dict[str, Any], int]


def whole(head: Head, plans: list[Plan]) -> dict[str, Any]:
    """The JSON answer, which is one; fields without a value are left out."""
    plan = plans[0]
    sequence = {"stop_sequence": plan.stop_reason} if plan.stop_reason else {}
    return {
        **message(head, blocks(head, plan) or [{"type": "text", "text": ""}]),
        **stop_reason(plan),
        **sequence,
        "usage": usage(head, plan.completion_tokens),
    }


def blocks(head: Head, plan: Plan) -> list[dict[str, Any]]:
    """Thinking, then text or a tool call."""
    thought = "".join(plan.reasoning)
    signed = {"type": "thinking", "thinking": thought, "signature": secrets.token_hex(16)}
    called = plan.tool is not None
    return [
        *([signed] if thought else ()),
        *([{"type": "text", "text": plan.text}] if plan.text and not called else ()),
        *([tool_use(head, json.loads(plan.tool or "{}"))] if called else ()),
    ]


def tool_use(head: Head, given: Mapping[str, Any]) -> dict[str, Any]:
    """A call of the first tool offered."""
    name = (head.body.get("tools") or [{"name": "lookup"}])[0].get("name", "lookup")
    return {"type": "tool_use", "id": f"call_{head.id[-16:]}", "name": name, "input": given}


def stop_reason(plan: Plan) -> dict[str, Any]:
    """The end of an answer in this API's words; vLLM has none for an aborted one."""
    if plan.tool is not None:
        return {"stop_reason": "tool_use"}
    if plan.stop_reason:
        return {"stop_reason": "stop_sequence"}
    reason = STOP_REASONS.get(plan.finish_reason)
    return {"stop_reason": reason} if reason else {}


def usage(head: Head, spent: int) -> dict[str, int]:
    """Token counts under this API's names."""
    return {"input_tokens": head.prompt_tokens, "output_tokens": spent}


def frames(head: Head, plans: list[Plan]) -> Iterator[Frame]:
    """The streamed answer; its last event is the end."""
    for fields, tokens in events(head, plans[0]):
        yield Frame(event(fields), tokens)


def event(fields: Mapping[str, Any]) -> bytes:
    """One event under the name of its type."""
    return f"event: {fields['type']}\ndata: {compact(fields)}\n\n".encode()


def failure() -> bytes:
    """The event that vLLM ends with when generation fails in mid-stream."""
    return event({"type": "error", "error": FAILURE})


def events(head: Head, plan: Plan) -> Iterator[Step]:
    """Each event and the tokens it carries."""
    ended = {"stop_reason": None, "stop_sequence": None, "usage": usage(head, 0)}
    yield {"type": "message_start", "message": {**message(head, []), **ended}}, 0
    place = 0
    if plan.reasoning:
        yield from thinking(plan, place)
        place += 1
    if plan.tool is not None:
        yield from tool_block(head, plan.tool, place)
    elif plan.content:
        yield from text_block(plan, place)
    yield from closing(head, plan)


def message(head: Head, content: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields that a message begins with."""
    kind = {"id": head.id, "type": "message", "role": "assistant"}
    return {**kind, "content": content, "model": head.model}


def delta(kind: str, name: str, text: str, place: int) -> dict[str, Any]:
    """A piece of a block."""
    fields = {"type": kind, name: text}
    return {"type": "content_block_delta", "delta": fields, "index": place}


def opened(block: Mapping[str, Any], place: int) -> Step:
    """The beginning of a block."""
    return {"type": "content_block_start", "content_block": block, "index": place}, 0


def closed(place: int) -> Step:
    """The end of a block."""
    return {"type": "content_block_stop", "index": place}, 0


def thinking(plan: Plan, place: int) -> Iterator[Step]:
    """A block of reasoning, signed at its end."""
    yield opened({"type": "thinking", "thinking": ""}, place)
    for token in plan.reasoning:
        yield delta("thinking_delta", "thinking", token, place), 1
    yield delta("signature_delta", "signature", secrets.token_hex(16), place), 0
    yield closed(place)


def text_block(plan: Plan, place: int) -> Iterator[Step]:
    """A block of text, one event a token."""
    yield opened({"type": "text", "text": ""}, place)
    while plan.endless:
        yield from text_deltas(plan, place)
    yield from text_deltas(plan, place)
    yield closed(place)


def text_deltas(plan: Plan, place: int) -> Iterator[Step]:
    """The tokens of a text."""
    for token in plan.content or ():
        yield delta("text_delta", "text", token, place), 1


def tool_block(head: Head, arguments: str, place: int) -> Iterator[Step]:
    """A tool call: its name, half its input, the rest."""
    yield opened(tool_use(head, {}), place)
    half = len(arguments) // 2
    for piece in (arguments[:half], arguments[half:]):
        yield delta("input_json_delta", "partial_json", piece, place), 1
    yield closed(place)


def closing(head: Head, plan: Plan) -> Iterator[Step]:
    """The events after the last block."""
    ended = {"stop_reason": None, **stop_reason(plan), "stop_sequence": plan.stop_reason}
    counts = usage(head, plan.completion_tokens)
    yield {"type": "message_delta", "delta": ended, "usage": counts}, 0
    yield {"type": "message_stop"}, 0
