"""A watchdog on the event loop: while one request computes, nobody else's tokens go on.

The loop beats; a thread looks when a beat is overdue, and sees by the frames which request the loop
is at. Time that the machine gave to other programs does not count: only what this process computed.
"""

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from gateway.runtime.log import log

BEAT_S = 0.025
HELD_S = 0.05
NO_ROUTE = "none"

# Takes the route that held the loop, as it was declared, and for how many seconds.
Report = Callable[[str, float], None]


class LoopWatchdog:
    """Reports when the loop was held for longer than HELD_S; `run` has to run on it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._thread_id = 0
        self._due = float("inf")
        self.suspect: str | None = None  # the route that was at work when a beat was overdue
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Beat until cancelled."""
        self._thread_id = threading.get_ident()
        with self._watching():
            while True:
                self._due, computed = time.monotonic() + BEAT_S, time.process_time()
                await asyncio.sleep(BEAT_S)
                late = time.monotonic() - self._due
                self._due = float("inf")
                if late > HELD_S:
                    self._judge(min(late, time.process_time() - computed))
                self.suspect = None

    def _judge(self, held: float) -> None:
        if held > HELD_S:
            route = self.suspect or NO_ROUTE
            log.warning("event loop held", extra={"route": route, "ms": round(held * 1000)})
            self._report(route, held)

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        self._stopping.clear()
        threading.Thread(target=self._watch, name="loop watchdog", daemon=True).start()
        try:
            yield
        finally:
            self._stopping.set()

    def _watch(self) -> None:
        while not self._stopping.wait(BEAT_S):
            if self.suspect is None and time.monotonic() > self._due + BEAT_S:
                self.suspect = route_at(sys._current_frames().get(self._thread_id))


def route_at(frame: FrameType | None) -> str:
    """Return the route of the request that these frames serve, the innermost first."""
    while frame is not None:
        served = frame.f_locals.get("exchange") or frame.f_locals.get("self")
        exchange = getattr(served, "_exchange", served)
        scope = getattr(exchange, "scope", None)
        if isinstance(scope, dict) and (path := route_of(scope)):
            return path
        frame = frame.f_back
    return NO_ROUTE


def route_of(scope: dict[str, object]) -> str:
    """Return the path of a request as it was declared; empty while it is not known."""
    return getattr(scope.get("route"), "path", "")
