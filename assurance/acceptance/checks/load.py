"""Several requests at once: all are answered, and faster than one after the other."""

import asyncio
import time
from typing import Final

from assurance.acceptance.prompts import NOTE
from assurance.acceptance.target import CheckFailed, Target

ALONE, AT_ONCE = 4, 8
TOKENS: Final = 24
LEAST_RATIO: Final = 0.8  # of the speed at once to that of one request after the other


async def check(target: Target) -> str:
    """Ask one after the other, then many at once; no two prompts begin alike."""
    await ask(target, 0)  # the first request of a service may be slow
    began = time.monotonic()
    for number in range(1, ALONE + 1):
        await ask(target, number)
    alone = ALONE / (time.monotonic() - began)
    began = time.monotonic()
    firsts = await asyncio.gather(*(ask(target, 10 + number) for number in range(AT_ONCE)))
    at_once = AT_ONCE / (time.monotonic() - began)
    speed = f"{at_once / alone:.1f} times as fast as in turn"
    figures = f"{speed} ({at_once:.2f} answers/s), first token after at most {max(firsts):.2f} s"
    if at_once < LEAST_RATIO * alone:
        raise CheckFailed(f"{AT_ONCE} requests at once are too slow: {figures}")
    return f"{AT_ONCE} requests at once are answered, {figures}."


async def ask(target: Target, number: int) -> float:
    """Stream one answer to its end; return the seconds to its first token. Raises CheckFailed."""
    reads = await target.time_stream(f"Number {number}. {NOTE}", TOKENS)
    text = b"".join(piece for _, piece in reads)
    if b"data: [DONE]" not in text or b'data: {"error"' in text:
        raise CheckFailed("Under load a stream ended early, or with an error")
    return reads[0][0]
