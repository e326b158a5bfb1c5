"""Report requests that block the event loop, and with it every other stream.

A task on the loop wakes up 40 times a second. When it is late, a thread searches the loop's stack
frames for the request that runs. Only processor time of this process counts as blocked time.
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
BLOCKED_S = 0.05
NO_ROUTE = "none"

# Takes the path of the route that blocked the loop, and the seconds.
Report = Callable[[str, float], None]


class LoopWatchdog:
    """Reports when the event loop was blocked for over BLOCKED_S; `run` runs on that loop."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._thread_id = 0
        self._due = float("inf")
        self.suspect: str | None = None  # the route that was running when a beat was overdue
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        self._thread_id = threading.get_ident()
        with self._watching():
            while True:
                self._due, computed = time.monotonic() + BEAT_S, time.process_time()
                await asyncio.sleep(BEAT_S)
                late = time.monotonic() - self._due
                self._due = float("inf")
                if late > BLOCKED_S:
                    self._judge(min(late, time.process_time() - computed))
                self.suspect = None

    def _judge(self, seconds: float) -> None:
        if seconds > BLOCKED_S:
            route = self.suspect or NO_ROUTE
            log.warning("event loop held", extra={"route": route, "ms": round(seconds * 1000)})
            self._report(route, seconds)

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
    """Return the route of the request in these frames, starting from the innermost."""
    while frame is not None:
        served = frame.f_locals.get("exchange") or frame.f_locals.get("self")
        exchange = getattr(served, "_exchange", served)
        scope = getattr(exchange, "scope", None)
        if isinstance(scope, dict) and (path := declared_path(scope)):
            return path
        frame = frame.f_back
    return NO_ROUTE


def declared_path(scope: dict[str, object]) -> str:
    """Return the path as the route declares it; empty if the request has no route yet."""
    return getattr(scope.get("route"), "path", "")
