"""/v1/completions as vLLM 0.32 writes it."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fake_engine.chat import Frame, Head, event, usage, usage_chunk
from tests.fake_engine.plan import Plan
from tests.fake_engine.prompt import words
from tests.fake_engine.recorded import recorded

KIND = "text_completion"


def whole(head: Head, plans: list[Plan]) -> dict[str, Any]:
    """The JSON answer."""
    return {
        **recorded("completions"),
        **head.envelope(KIND),
        "choices": [choice(head, plan, index) for index, plan in enumerate(plans)],
        "system_fingerprint": head.fingerprint,
        "usage": usage(head, plans),
    }


def echoed(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The prompt's tokens, when the request asks for them."""
    return tuple(words(body)) if body.get("echo") else ()


def logprobs(tokens: tuple[str, ...], body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The older logprobs object, when the request asks for it."""
    if body.get("logprobs") is None:
        return None
    return {
        "text_offset": [sum(map(len, tokens[:place])) for place in range(len(tokens))],
        "token_logprobs": [-0.5 for _ in tokens],
        "tokens": list(tokens),
        "top_logprobs": [{token: -0.5} for token in tokens],
    }


def choice(head: Head, plan: Plan, index: int) -> dict[str, Any]:
    """One choice of a JSON answer, after the prompt where it is to be echoed."""
    tokens = (*echoed(head.body), *(plan.content or ()))
    return {
        **recorded("completions")["choices"][0],
        "index": index,
        "text": "".join(tokens),
        "logprobs": logprobs(tokens, head.body),
        "finish_reason": plan.finish_reason,
        "stop_reason": plan.stop_reason,
    }


def frames(head: Head, plans: list[Plan]) -> Iterator[Frame]:
    """The streamed answer, the final [DONE] left to the sender."""
    sent = 0
    for index, plan in enumerate(plans):
        for frame in texts(head, plan, index, sent):
            sent += frame.tokens
            yield frame
    if head.include_usage:
        yield Frame(usage_chunk(head, plans, KIND))


def texts(head: Head, plan: Plan, index: int, sent: int) -> Iterator[Frame]:
    """One chunk a token; the last says how the answer ended."""
    first, *others = plan.content or ("",)
    tokens = ("".join((*echoed(head.body), first)), *others)
    while plan.endless:
        yield from (Frame(chunk(head, index, token, sent, None), 1) for token in tokens)
    for place, token in enumerate(tokens, start=1):
        ended = plan if place == len(tokens) else None
        yield Frame(chunk(head, index, token, sent + place, ended), 1)


def chunk(head: Head, index: int, token: str, sent: int, ended: Plan | None) -> bytes:
    """One chunk; `ended` is the plan on the last one of a choice."""
    only = {
        "index": index,
        "text": token,
        "logprobs": None,
        "finish_reason": ended.finish_reason if ended else None,
        "stop_reason": ended.stop_reason if ended else None,
        "prompt_token_ids": None,
        "token_ids": None,
    }
    marked = ended is not None and not head.include_usage
    print_ = {"system_fingerprint": head.fingerprint} if marked else {}
    envelope = {**head.envelope(KIND), "choices": [only]}
    return event({**envelope, **print_, **head.so_far(sent)})
