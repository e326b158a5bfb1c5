"""Work on large requests, beside the event loop."""

import asyncio
import threading

from gateway.heavy_work import HeavyWork
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels
from gateway.safety.red_flags.classifier.features import LONGEST_TEXT

SUSPICIOUS = "no chest pain and numbness of the left arm, no stroke, never a heart attack, "


async def test_others_go_on_meanwhile() -> None:
    """The loop runs while the longest text is screened."""
    heavy, labels, turns = HeavyWork(), Labels.of(Disclaimer.of()), [SUSPICIOUS * 500]
    assert len(turns[0]) > LONGEST_TEXT
    working = asyncio.ensure_future(heavy.run(lambda: labels.screen(turns)))
    rounds = 0
    while not working.done():
        await asyncio.sleep(0)
        rounds += 1
    heavy.close()

    assert rounds > 1


async def test_one_thread_for_all() -> None:
    """However many come, the loop has half of the processor."""
    heavy = HeavyWork()
    large = await asyncio.gather(*(heavy.run(threading.get_ident) for _ in range(9)))
    heavy.close()

    assert len(set(large)) == 1
    assert threading.get_ident() not in large
