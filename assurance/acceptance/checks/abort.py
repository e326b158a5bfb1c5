"""A client that leaves frees the engine."""

import re
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Unmeasured, Verdict, seconds_until
from assurance.acceptance.prompts import PASSAGE
from assurance.acceptance.target import COMPLETIONS, Target

WITHIN_S, EVERY_S = 5.0, 0.05
RUNNING: Final = re.compile(r"^vllm:num_requests_(?:running|waiting)(?:\{[^}]*\})? (\S+)", re.M)


@dataclass(frozen=True, slots=True)
class Abort:
    """Seconds until the engine had nothing to do; None when it went on."""

    was_running: bool
    freed_s: float | None


async def measure(target: Target) -> Abort:
    """Read a long answer's beginning, close the connection, and watch the engine."""
    body = {
        "model": target.facts.model,
        "prompt": PASSAGE,
        "max_tokens": target.facts.max_model_len // 2,
        "ignore_eos": True,
    }
    async with target.gateway.lines(COMPLETIONS, body) as lines:
        async for line in lines:
            if line.startswith("data:"):
                break
        # the gateway may have read the engine's metrics before
        busy_s = await seconds_until(lambda: is_busy(target), WITHIN_S, EVERY_S)
    freed_s = await seconds_until(lambda: is_busy(target), WITHIN_S, EVERY_S, wanted=False)
    return Abort(busy_s is not None, freed_s and round(freed_s, 2))


async def is_busy(target: Target) -> bool:
    """Return whether a request runs or waits at the engines."""
    answer = await target.gateway.request("GET", "/metrics")
    counts = RUNNING.findall(answer.text)
    if not counts:
        raise Unmeasured("/metrics has nothing of the engine's requests")
    return any(map(float, counts))


def judge(measured: Abort) -> Verdict:
    """It ran, and was free soon after the client had left."""
    freed_s = measured.freed_s
    return Verdict(
        {
            "The engine was seen idle while it should have answered.": not measured.was_running,
            "The engine works on for a client that has left.": freed_s is None,
        },
        "The engine was free soon after the client had left.",
        f"over {WITHIN_S:.0f} s" if freed_s is None else f"{freed_s:.2f} s",
        f"{WITHIN_S:.0f} s",
    )


CHECK: Final = Check("abort", Abort, measure, judge)
