"""The misbehaviours one request can be given, and the queue they wait in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.fake_engine.plan import Plan
from tests.fake_engine.wires import WIRES

FOREVER = 3600.0
GENERATION = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
HARMONY_LEAK = ("Take", " two", "<|start|>", "assistant", "<|channel|>", "fin")

Ending = Literal[
    "whole", "cut", "reset", "hang", "error", "clean", "garbage", "no_done", "short", "crash"
]
Framing = Literal["each", "together", "split"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour with its knobs; seconds, tokens and bytes."""

    fault: str
    times: int = 1
    path: str | None = None
    seconds: float = FOREVER
    after: int = 3
    status: int = 500
    size: int = 1
    tokens: tuple[str, ...] = ()
    finish: str = "stop"
    body: str | None = None
    content_type: str = "application/json"


Entry = tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of one answer's bytes."""

    first_delay: float = 0.0
    token_delay: float = 0.0
    gated: bool = False
    headers_delay: float = 0.0
    ending: Ending = "whole"
    after: int = 0
    framing: Framing = "each"
    size: int = 1


def end(ending: Ending) -> Callable[[Delivery, Fault], Delivery]:
    """End the stream this way once `after` tokens have left."""
    return lambda delivery, fault: replace(delivery, ending=ending, after=fault.after)


def frame(framing: Framing) -> Callable[[Delivery, Fault], Delivery]:
    """Cut the stream into TCP segments this way."""
    return lambda delivery, fault: replace(delivery, framing=framing, size=fault.size)


def say(*tokens: str) -> Callable[[Plan, Fault], Plan]:
    """Answer with exactly these tokens, or with the fault's own."""
    return lambda plan, fault: replace(
        plan, content=fault.tokens or tokens, finish_reason=fault.finish
    )


# Faults of delivery: the right bytes, wrongly sent.
DELIVERIES: Mapping[str, Callable[[Delivery, Fault], Delivery]] = {
    "slow_first_token": lambda delivery, fault: replace(delivery, first_delay=fault.seconds),
    "slow_tokens": lambda delivery, fault: replace(delivery, token_delay=fault.seconds),
    "gated": lambda delivery, _: replace(delivery, gated=True),
    "hang_before_headers": lambda delivery, fault: replace(delivery, headers_delay=fault.seconds),
    "hang_after_headers": lambda delivery, fault: replace(delivery, first_delay=fault.seconds),
    "cut": end("cut"),
    "reset_midstream": end("reset"),
    "hang_midstream": end("hang"),
    "crash_midstream": end("crash"),
    "error_midstream": end("error"),
    "clean_cut": end("clean"),
    "chunk_garbage": end("garbage"),
    "no_done": end("no_done"),
    "wrong_length": end("short"),
    "split": frame("split"),
    "together": frame("together"),
}

# Faults of the model: well-sent answers that are wrong in themselves.
PLANS: Mapping[str, Callable[[Plan, Fault], Plan]] = {
    "say": say("ok"),
    "harmony": say(*HARMONY_LEAK),
    "null_content": lambda plan, fault: replace(plan, content=None, spent=max(1, fault.after)),
    "reasoning": lambda plan, _: replace(plan, reasoning=plan.reasoning or plan.thoughts),
    "reasoning_only": lambda plan, _: replace(
        plan, reasoning=plan.thoughts, content=None, finish_reason="length"
    ),
    "endless": lambda plan, _: replace(plan, endless=True),
    "tool_call": lambda plan, fault: replace(plan, tool=fault.body or "{}"),
}

# Faults instead of an answer: see server.INSTEAD for what each sends.
INSTEAD = frozenset({"status", "html", "empty", "wrong_json", "raw", "reset", "stale", "crash"})

NAMES = frozenset(DELIVERIES) | frozenset(PLANS) | frozenset(WIRES) | INSTEAD


def entry_of(given: Mapping[str, Any] | list[Mapping[str, Any]]) -> Entry:
    """One queue entry from JSON: a fault, or a list of faults for the same request."""
    many = given if isinstance(given, list) else [given]
    faults = tuple(
        Fault(**{**fields, "tokens": tuple(fields.get("tokens", ()))}) for fields in many
    )
    for fault in faults:
        if fault.fault not in NAMES:
            raise ValueError(f"{fault.fault} is no fault; there are {', '.join(sorted(NAMES))}.")
    return faults


@dataclass(slots=True)
class Queue:
    """Entries in the order they were asked for, each good for some number of requests."""

    waiting: list[tuple[Entry, int]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Append an entry; its first fault says how often it acts (-1: for ever)."""
        self.waiting.append((entry, entry[0].times))

    def take(self, path: str, *, reused: bool) -> Entry:
        """The faults for a request on this path; an empty entry when none is due."""
        for place, (entry, left) in enumerate(self.waiting):
            if due(entry[0], path, reused=reused):
                self.waiting[place : place + 1] = [] if left == 1 else [(entry, left - 1)]
                return entry
        return ()


def due(fault: Fault, path: str, *, reused: bool) -> bool:
    """Return whether a fault concerns this request; `stale` waits for a reused connection."""
    right_path = path == fault.path if fault.path else path in GENERATION
    return right_path and (fault.fault != "stale" or reused)
