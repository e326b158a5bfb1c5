"""/v1/chat/completions as vLLM 0.32 writes it; field order is part of the format."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fake_engine.plan import Plan
from tests.fake_engine.recorded import recorded

DONE = b"data: [DONE]\n\n"
KIND = "chat.completion.chunk"
Step = tuple[dict[str, Any], int]


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event and the tokens it carries."""

    data: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """Fields that every object of one answer repeats."""

    id: str
    created: int
    model: str
    fingerprint: str
    prompt_tokens: int
    body: Mapping[str, Any]

    @property
    def include_usage(self) -> bool:
        """Return whether the client asked for the trailing usage chunk."""
        return (self.body.get("stream_options") or {}).get("include_usage") in (True, "true")

    @property
    def continuous_usage(self) -> bool:
        """Return whether every chunk carries usage so far."""
        options = self.body.get("stream_options") or {}
        return self.include_usage and bool(options.get("continuous_usage_stats"))

    def so_far(self, sent: int, **details: None) -> dict[str, Any]:
        """Usage on every chunk, when continuous_usage_stats asks for it."""
        if not self.continuous_usage:
            return {}
        prompt = self.prompt_tokens
        counts = {"prompt_tokens": prompt, "total_tokens": prompt + sent, "completion_tokens": sent}
        return {"usage": {**counts, **details}}

    def envelope(self, kind: str) -> dict[str, Any]:
        """Return the fields that a document and every chunk begin with."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def compact(value: object) -> str:
    """JSON without spaces, as pydantic writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def event(value: object) -> bytes:
    """One data-only event."""
    return f"data: {compact(value)}\n\n".encode()


def usage(head: Head, plans: list[Plan]) -> dict[str, Any]:
    """The usage object of an answer that is not streamed."""
    spent = sum(plan.completion_tokens for plan in plans)
    thought = sum(len(plan.reasoning) for plan in plans)
    return {
        "prompt_tokens": head.prompt_tokens,
        "total_tokens": head.prompt_tokens + spent,
        "completion_tokens": spent,
        "prompt_tokens_details": None,
        "completion_tokens_details": {"reasoning_tokens": thought} if thought else None,
    }


def whole(head: Head, plans: list[Plan]) -> dict[str, Any]:
    """The JSON answer."""
    return {
        **recorded("chat"),
        **head.envelope("chat.completion"),
        "choices": [choice(head, plan, index) for index, plan in enumerate(plans)],
        "system_fingerprint": head.fingerprint,
        "usage": usage(head, plans),
    }


def choice(head: Head, plan: Plan, index: int) -> dict[str, Any]:
    """One choice of a JSON answer."""
    return {
        **recorded("chat")["choices"][0],
        "index": index,
        "message": message(head, plan),
        **ending(plan),
    }


def message(head: Head, plan: Plan) -> dict[str, Any]:
    """The assistant's message; tool_calls only where there are some."""
    called = {} if plan.tool is None else {"tool_calls": [tool_call(head, plan.tool)]}
    said = {**recorded("chat")["choices"][0]["message"]}
    del said["reasoning"]  # it comes last
    content = plan.text if plan.tool is None else None
    return {**said, "content": content, **called, "reasoning": "".join(plan.reasoning) or None}


def tool_name(body: Mapping[str, Any]) -> str:
    """The function the fake model calls: the first one offered."""
    tools = body.get("tools") or [{"function": {"name": "lookup"}}]
    return str(tools[0]["function"]["name"])


def tool_call(head: Head, arguments: str) -> dict[str, Any]:
    """One tool call of a JSON answer."""
    function = {"name": tool_name(head.body), "arguments": arguments}
    return {"id": f"call_{head.id[-16:]}", "type": "function", "function": function}


def frames(head: Head, plans: list[Plan]) -> Iterator[Frame]:
    """The streamed answer, the final [DONE] left to the sender."""
    for index in range(len(plans)):
        yield Frame(opening(head, index))
    sent = 0
    for index, plan in enumerate(plans):
        for frame in deltas(head, plan, index, sent):
            sent += frame.tokens
            yield frame
    if head.include_usage:
        yield Frame(usage_chunk(head, plans))


def opening(head: Head, index: int) -> bytes:
    """The first chunk of a choice: the role, before any token."""
    delta = {"role": "assistant", "content": ""}
    first = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
    tail = {"prompt_token_ids": None, "prompt_text": None}
    return event({**chunk(head, first), **head.so_far(0, completion_tokens_details=None), **tail})


def chunk(head: Head, only: Mapping[str, Any]) -> dict[str, Any]:
    """A chunk with one choice."""
    return {**head.envelope(KIND), "choices": [only]}


def steps(head: Head, plan: Plan) -> list[Step]:
    """The deltas of one choice: what each says, and how many tokens it costs."""
    thought: list[Step] = [({"reasoning": token}, 1) for token in plan.reasoning]
    if plan.tool is not None:
        return thought + tool_steps(head, plan.tool)
    spoken: list[Step] = [({"content": token}, 1) for token in plan.content or ()]
    silent: list[Step] = [({}, plan.spent)] if plan.spent or not thought + spoken else []
    return thought + spoken + silent


def tool_steps(head: Head, arguments: str) -> list[Step]:
    """A tool call in three deltas: its name, half its arguments, the rest."""
    half = len(arguments) // 2
    function = {"name": tool_name(head.body), "arguments": ""}
    first = {"id": f"call_{head.id[-16:]}", "type": "function", "index": 0, "function": function}
    pieces = [arguments[:half], arguments[half:]]
    rest = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    return [({"tool_calls": [call]}, 1) for call in [first, *rest]]


def deltas(head: Head, plan: Plan, index: int, sent: int) -> Iterator[Frame]:
    """Every chunk after the opening one; the last says how the answer ended."""
    todo = steps(head, plan)
    while plan.endless:
        yield from (Frame(delta(head, index, step, sent), step[1]) for step in todo)
    for place, step in enumerate(todo):
        sent += step[1]
        ended = plan if place == len(todo) - 1 else None
        yield Frame(delta(head, index, step, sent, ended), step[1])


def delta(head: Head, index: int, step: Step, sent: int, ended: Plan | None = None) -> bytes:
    """A chunk of an answer; the last has the plan's end, and the fingerprint unless a usage chunk
    follows."""
    only = {
        "index": index,
        "delta": step[0],
        "logprobs": None,
        **({"finish_reason": None} if ended is None else ending(ended)),
        "token_ids": None,
    }
    is_marked = ended is not None and not head.include_usage
    print_ = {"system_fingerprint": head.fingerprint} if is_marked else {}
    return event(
        {**chunk(head, only), **print_, **head.so_far(sent, completion_tokens_details=None)}
    )


def ending(plan: Plan) -> dict[str, str | None]:
    """Return the end of a choice."""
    reason = plan.finish_reason if plan.tool is None else "tool_calls"
    return {"finish_reason": reason, "stop_reason": plan.stop_reason}


def usage_chunk(head: Head, plans: list[Plan], kind: str = KIND) -> bytes:
    """The trailing chunk with no choices, nulls left out."""
    full = {name: value for name, value in usage(head, plans).items() if value is not None}
    value = {**head.envelope(kind), "choices": [], "usage": full}
    return event({**value, "system_fingerprint": head.fingerprint})
