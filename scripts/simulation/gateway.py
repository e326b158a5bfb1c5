"""A gateway: its workers' processor time, its places at the engine and its queue for them."""

from __future__ import annotations

from collections import deque
from typing import Final

from launcher.capacity import measured
from scripts.simulation.journey import Journey

MOST_RELAY: Final = 0.95
LONGEST_WAIT_S: Final = 10.0  # MMHIE_QUEUE_TIMEOUT_SECONDS


class Gateway:
    """Workers share one count and one queue, as the parent process keeps them."""

    def __init__(self, workers: int, max_inflight: int, max_queue: int) -> None:
        self.free_at = [0.0] * workers
        self.relay = 0.0  # processors busy with the chunks of open streams
        self.turn = 0
        self.max_inflight, self.max_queue = max_inflight, max_queue
        self.inflight = 0
        self.queue: deque[Journey] = deque()

    def work_s(self, now: float) -> float:
        """Seconds until a request that comes now has been read, checked and passed on.

        Each worker serves one after the other (Lindley's recursion), slower by what it relays.
        """
        self.turn = (self.turn + 1) % len(self.free_at)
        slower = 1 - min(MOST_RELAY, self.relay / len(self.free_at))
        begun = max(now, self.free_at[self.turn])
        self.free_at[self.turn] = begun + measured.REQUEST_S / slower
        return self.free_at[self.turn] - now

    def admit(self, journey: Journey, now: float) -> bool:
        """Whether it may go on now; else it waits here, or its ending says why not."""
        self.forget_late(now)
        if self.inflight < self.max_inflight:
            self.inflight += 1
            return True
        if len(self.queue) >= self.max_queue:
            journey.ending = "refused"
        else:
            self.queue.append(journey)
        return False

    def leave(self, now: float) -> Journey | None:
        """A place is free: who gets it."""
        self.forget_late(now)
        if self.queue:
            return self.queue.popleft()
        self.inflight -= 1
        return None

    def forget_late(self, now: float) -> None:
        """Who has waited too long has gone with 503."""
        while self.queue and now - self.queue[0].asked_s > LONGEST_WAIT_S:
            late = self.queue.popleft()
            late.ending, late.last_s = "late", now
