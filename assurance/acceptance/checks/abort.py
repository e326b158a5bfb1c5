"""Check that a client that hangs up frees its slot, in the gateway and in the engine."""

import re
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict, seconds_until
from assurance.acceptance.prompts import PASSAGE
from assurance.acceptance.target import COMPLETIONS, CheckRequest, Target, Unmeasured

WITHIN_S, EVERY_S = 5.0, 0.05
TOKENS: Final = 2048
RUNNING: Final = re.compile(
    r"^(?:mmhie_inflight_requests|vllm:num_requests_(?:running|waiting))(?:\{[^}]*\})? (\S+)", re.M
)


@dataclass(frozen=True, slots=True)
class Abort:
    """A long answer: whether it was seen running, and the seconds until it ended, or None."""

    was_running: bool
    freed_s: float | None


async def measure(target: Target) -> Abort:
    """Read a long answer's beginning, close the connection, and watch what runs."""
    if await until_busy(target, wanted=False) is None:
        raise Unmeasured("Other requests are running: try again while nobody uses the service")
    tokens = min(TOKENS, (target.facts.max_model_len or TOKENS) // 2)
    async with target.stream(COMPLETIONS, target.completion(PASSAGE, tokens)) as answer:
        lines = answer.aiter_lines()  # a name, since its end would close the connection
        async for line in lines:
            if line.startswith("data:"):
                break
        # the gateway may have read the engine's metrics before
        busy_s = await until_busy(target, wanted=True)
    freed_s = await until_busy(target, wanted=False)
    return Abort(busy_s is not None, freed_s and round(freed_s, 2))


async def until_busy(target: Target, *, wanted: bool) -> float | None:
    """Return the seconds until requests run, or (`wanted` is False) none does; None if never."""
    return await seconds_until(lambda: is_busy(target), WITHIN_S, EVERY_S, wanted=wanted)


async def is_busy(target: Target) -> bool:
    """Return whether a request runs or waits, at the gateway or at the engines."""
    answer = await target.send(CheckRequest("GET", "/metrics"))
    if answer.status_code in (401, 403):
        raise NotApplicable("/metrics is closed to this key: it needs the scope metrics")
    counts = RUNNING.findall(answer.text)
    if not counts:
        raise Unmeasured("/metrics has no count of running requests")
    return any(map(float, counts))


def judge(measured: Abort) -> Verdict:
    """Pass if the answer ran, and ended soon after the client had left."""
    freed_s = measured.freed_s
    return Verdict(
        {
            "Nothing was seen running while an answer was written.": not measured.was_running,
            "The service continues for a client that has left.": freed_s is None,
        },
        "The slot was free soon after the client had left.",
        f"over {WITHIN_S:.0f} s" if freed_s is None else f"{freed_s:.2f} s",
        f"{WITHIN_S:.0f} s",
    )


CHECK: Final = Check("abort", measure, judge)
