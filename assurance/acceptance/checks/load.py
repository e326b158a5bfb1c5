"""Several requests at once: all are answered, and faster than one after the other."""

import asyncio
import time
from collections.abc import Sequence
from itertools import count, islice
from statistics import median
from typing import Final

from assurance.acceptance.prompts import NOTE
from assurance.acceptance.target import Arrival, CheckFailed, Target

AT_ONCE, ALONE = 8, 4
TOKENS: Final = 24
LEAST_RATIO: Final = 0.8  # of the speed at once to that of one request after the other


async def check(target: Target) -> str:
    """Ask one after the other, then many at once; no two prompts begin alike."""
    prompts = (f"Number {number}. {NOTE}" for number in count(1))
    await ask(target, next(prompts))  # the first request of a service may be slow
    alone, _ = await time_rounds(target, [[prompt] for prompt in islice(prompts, ALONE)])
    rounds = [list(islice(prompts, AT_ONCE)) for _ in range(2)]
    at_once, streams = await time_rounds(target, rounds)
    times = [stream.first_s for stream in streams]
    figures = (
        f"{at_once / alone:.1f} times as fast as in turn ({at_once:.2f} answers/s), "
        f"first token after {median(times):.2f} s, at most {max(times):.2f} s"
    )
    if at_once < LEAST_RATIO * alone:
        raise CheckFailed(f"{AT_ONCE} requests at once are too slow: {figures}")
    return f"{AT_ONCE} requests at once are answered, {figures}."


async def time_rounds(
    target: Target, rounds: Sequence[Sequence[str]]
) -> tuple[float, list[Arrival]]:
    """Ask each round at once; return the answers a second, and every answer."""
    began = time.monotonic()
    streams = [
        stream
        for prompts in rounds
        for stream in await asyncio.gather(*(ask(target, prompt) for prompt in prompts))
    ]
    return len(streams) / (time.monotonic() - began), streams


async def ask(target: Target, prompt: str) -> Arrival:
    """Stream one answer to its end. Raises CheckFailed."""
    stream = await target.time_stream(prompt, TOKENS)
    if not stream.is_whole:
        raise CheckFailed("Under load a stream ended early, or with an error")
    return stream
