"""A client that leaves frees the engine."""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Unmeasured, Verdict
from assurance.acceptance.prompts import PASSAGE
from assurance.acceptance.target import COMPLETIONS, Target

WITHIN_S: Final = 5.0
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
        was_running = await until_busy(target)
    return Abort(was_running, await until_free(target))


async def until_busy(target: Target) -> bool:
    """Wait until the engine's metrics, which the gateway may have read before, show the request."""
    began = time.monotonic()
    while not await busy(target):
        if time.monotonic() - began > WITHIN_S:
            return False
        await asyncio.sleep(0.05)
    return True


async def until_free(target: Target) -> float | None:
    """Return the seconds until nothing runs at the engine; None after the limit."""
    began = time.monotonic()
    while await busy(target):
        if time.monotonic() - began > WITHIN_S:
            return None
        await asyncio.sleep(0.05)
    return round(time.monotonic() - began, 2)


async def busy(target: Target) -> float:
    """Return the requests that run or wait at the engines."""
    answer = await target.gateway.request("GET", "/metrics")
    counts = RUNNING.findall(answer.text)
    if not counts:
        raise Unmeasured("/metrics has nothing of the engine's requests")
    return sum(map(float, counts))


def judge(measured: Abort) -> Verdict:
    """It ran, and was free soon after the client had left."""
    freed_s = measured.freed_s
    if not measured.was_running:
        sentence = "The engine was seen idle while it should have answered."
    elif freed_s is None:
        sentence = "The engine works on for a client that has left."
    else:
        sentence = "The engine was free soon after the client had left."
    shown = f"over {WITHIN_S:.0f} s" if freed_s is None else f"{freed_s:.2f} s"
    return Verdict(
        measured.was_running and freed_s is not None, sentence, shown, f"{WITHIN_S:.0f} s"
    )


CHECK: Final = Check("abort", Abort, measure, judge)
