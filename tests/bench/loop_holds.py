"""`python -m tests.bench.loop_holds [--out FILE]`: how long a text keeps the event loop to itself.

While one step of the loop computes, no other stream gets its chunk: the longest step that a request
makes is the most by which it delays the others' tokens. In processor time of the loop's own thread,
which other programs on the machine do not change; in a gateway as in production, in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import time
from asyncio.events import Handle
from pathlib import Path
from typing import Any

from tests.bench.load import PROMPT
from tests.bench.machine import machine
from tests.fake_engine.process import FakeEngine
from tests.gateway.served import served

OUT = Path(__file__).parents[2] / "docs" / "red-flags" / "loop-holds.json"
SIZES = {
    "a question of 100 characters": 100,
    "1 MB": 1_000_000,
    "2 MB, the limit by default": 2_000_000,
    "8 MB": 8_000_000,
}
TIMES = 15
WARM = 3  # requests that are not counted: patterns are compiled when first searched for
MAX_BODY_BYTES = 16 << 20


class Steps:
    """The longest step of the event loop, in milliseconds of its thread's processor time."""

    def __init__(self) -> None:
        self.longest_ms = 0.0

    def watch(self) -> None:
        """Time every step from now on."""
        run = Handle._run

        def timed(handle: Handle) -> None:
            start = time.thread_time()
            run(handle)
            self.longest_ms = max(self.longest_ms, (time.thread_time() - start) * 1e3)

        Handle._run = timed  # type: ignore[method-assign,assignment]  # all steps go through it


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.loop_holds", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    engine = FakeEngine("--max-model-len", str(MAX_BODY_BYTES)).wait()
    try:
        rows = asyncio.run(measured(engine.url))
    finally:
        engine.stop()
    given.out.write_text(json.dumps({"machine": machine(), "texts": rows}, indent=1) + "\n")
    print(json.dumps(rows, indent=1))  # noqa: T201  the result


async def measured(engine_url: str) -> list[dict[str, Any]]:
    """Return, for each size, the longest step of a request: median and worst."""
    steps, rows = Steps(), []
    async with served(engine_url, max_body_bytes=MAX_BODY_BYTES) as port:
        while await asyncio.to_thread(ask, port, 100) != 200:
            await asyncio.sleep(0.1)
        steps.watch()
        for name, size in SIZES.items():
            holds = [await longest(steps, port, size) for _ in range(WARM + TIMES)][WARM:]
            rows.append(
                {
                    "text": name,
                    "median_ms": round(statistics.median(holds), 2),
                    "worst_ms": round(max(holds), 2),
                }
            )
    return rows


async def longest(steps: Steps, port: int, size: int) -> float:
    """Return the longest step while one request is answered."""
    steps.longest_ms = 0.0
    status = await asyncio.to_thread(ask, port, size)
    if status != 200:
        raise RuntimeError(f"A text of {size} characters was answered with {status}.")
    return steps.longest_ms


def ask(port: int, size: int) -> int:
    """Return the status of the answer to a text of so many characters."""
    text = (PROMPT * (size // len(PROMPT) + 1))[:size]
    asked = [{"role": "user", "content": text}]
    body = json.dumps({"model": "fake-model", "max_tokens": 5, "messages": asked}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "POST", "/v1/chat/completions", body, {"content-type": "application/json"}
        )
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


if __name__ == "__main__":
    main()
