"""Check that a client that hangs up frees its slot, in the gateway and in the engine."""

import asyncio
import re
import time
from typing import Final

from assurance.acceptance.check import NotApplicable
from assurance.acceptance.prompts import PASSAGE
from assurance.acceptance.target import CheckFailed, Target

WITHIN_S, EVERY_S = 5.0, 0.05
TOKENS: Final = 2048
RUNNING: Final = re.compile(
    r"^(?:mmhie_inflight_requests|vllm:num_requests_(?:running|waiting))(?:\{[^}]*\})? (\S+)", re.M
)


async def check(target: Target) -> str:
    """Read a long answer's beginning, close the connection, and watch what runs."""
    if await until_busy(target, wanted=False) is None:
        raise CheckFailed("Other requests are running: try again while nobody uses the service")
    tokens = min(TOKENS, (target.facts.max_model_len or TOKENS) // 2)
    async with target.stream(PASSAGE, tokens) as pieces:
        await anext(pieces, None)
        # the gateway may have read the engine's metrics before
        busy_s = await until_busy(target, wanted=True)
    freed_s = await until_busy(target, wanted=False)
    if busy_s is None:
        raise CheckFailed("Nothing was seen running while an answer was written")
    if freed_s is None:
        raise CheckFailed(f"{WITHIN_S:.0f} s after a client has left, the service continues for it")
    return f"The slot was free {freed_s:.2f} s after the client had left."


async def until_busy(target: Target, *, wanted: bool) -> float | None:
    """Return the seconds until requests run, or (`wanted` is False) none does; None if never."""
    began = time.monotonic()
    while await is_busy(target) is not wanted:
        if time.monotonic() - began > WITHIN_S:
            return None
        await asyncio.sleep(EVERY_S)
    return time.monotonic() - began


async def is_busy(target: Target) -> bool:
    """Return whether a request runs or waits, at the gateway or at the engines."""
    answer = await target.get("/metrics")
    if answer.status_code in (401, 403):
        raise NotApplicable("/metrics is closed to this key: it needs the scope metrics")
    counts = RUNNING.findall(answer.text)
    if not counts:
        raise CheckFailed("/metrics has no count of running requests")
    return any(map(float, counts))
