"""/v1/responses as vLLM 0.32 writes it: named events, no [DONE]."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fake_engine.chat import Frame, Head, compact
from tests.fake_engine.plan import Plan
from tests.fake_engine.recorded import recorded


def whole(head: Head, plans: list[Plan]) -> dict[str, Any]:
    """The JSON answer, which is one."""
    plan = plans[0]
    cut = plan.finish_reason == "length"
    return {
        **base(head),
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": [item(head, plan)],
        "status": "incomplete" if cut else "completed",
        "usage": usage(head, plan),
    }


def base(head: Head) -> dict[str, Any]:
    """The response object before anything was generated."""
    return {
        **recorded("responses"),
        "id": f"resp_{head.id[-16:]}",
        "created_at": head.created,
        "incomplete_details": None,
        "instructions": head.body.get("instructions"),
        "model": head.model,
        "output": [],
        "temperature": float(head.body.get("temperature") or 0.0),
        "max_output_tokens": head.body.get("max_output_tokens"),
        "status": "in_progress",
        "usage": None,
    }


def usage(head: Head, plan: Plan) -> dict[str, Any]:
    """Token counts under this API's names."""
    counts = recorded("responses")["usage"]
    spent = plan.completion_tokens
    details = {**counts["output_tokens_details"], "reasoning_tokens": len(plan.reasoning)}
    return {
        **counts,
        "input_tokens": head.prompt_tokens,
        "output_tokens": spent,
        "output_tokens_details": details,
        "total_tokens": head.prompt_tokens + spent,
    }


def part(text: str, found: list[Any] | None) -> dict[str, Any]:
    """One text part of a message."""
    return {"annotations": [], "text": text, "type": "output_text", "logprobs": found}


def item(head: Head, plan: Plan) -> dict[str, Any]:
    """The finished message."""
    return {**empty_item(head), "content": [part(plan.text or "", None)], "status": "completed"}


def empty_item(head: Head) -> dict[str, Any]:
    """The message before its first token."""
    (said,) = recorded("responses")["output"]
    return {**said, "id": f"msg_{head.id[-16:]}", "content": [], "status": "in_progress"}


def frames(head: Head, plans: list[Plan]) -> Iterator[Frame]:
    """The streamed answer, numbered in order."""
    for number, (kind, fields, tokens) in enumerate(events(head, plans[0])):
        value = dict(sorted({**fields, "sequence_number": number, "type": kind}.items()))
        yield Frame(f"event: {kind}\ndata: {compact(value)}\n\n".encode(), tokens)


def events(head: Head, plan: Plan) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Name, fields and token count of each event."""
    place = {"item_id": f"msg_{head.id[-16:]}", "output_index": 0}
    yield "response.created", {"response": base(head)}, 0
    yield "response.in_progress", {"response": base(head)}, 0
    yield "response.output_item.added", {"item": empty_item(head), "output_index": 0}, 0
    yield "response.content_part.added", {"content_index": 0, **place, "part": part("", [])}, 0
    while plan.endless:
        yield from deltas(plan, place)
    yield from deltas(plan, place)
    yield from closing(head, plan, place)


def deltas(plan: Plan, place: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], int]]:
    """One event a token."""
    for token in plan.content or ():
        fields = {"content_index": 0, "delta": token, "item_id": place["item_id"], "logprobs": []}
        yield "response.output_text.delta", {**fields, "output_index": 0}, 1


def closing(
    head: Head, plan: Plan, place: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any], int]]:
    """The events after the last token."""
    text = plan.text or ""
    ended = {"content_index": 0, "item_id": place["item_id"], "logprobs": [], "output_index": 0}
    yield "response.output_text.done", {**ended, "text": text}, 0
    yield "response.content_part.done", {"content_index": 0, **place, "part": part(text, None)}, 0
    yield "response.output_item.done", {"item": item(head, plan), "output_index": 0}, 0
    yield "response.completed", {"response": whole(head, [plan])}, 0
