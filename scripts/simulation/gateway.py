"""A gateway: CPU time of its workers, slots at the engine, and the admission queue."""

from __future__ import annotations

from collections import deque
from typing import Final

from launcher.capacity import measured
from scripts.simulation.request import SimulatedRequest

MAX_RELAY_LOAD: Final = 0.95
QUEUE_TIMEOUT_S: Final = 10.0  # MMHIE_QUEUE_TIMEOUT_SECONDS


class SimulatedGateway:
    """Workers share one slot count and one queue, which the supervisor keeps."""

    def __init__(self, workers: int, max_inflight: int, max_queue: int) -> None:
        self.free_at = [0.0] * workers
        self.relay_load = 0.0  # processors busy with the chunks of open streams
        self.next_worker = 0
        self.max_inflight, self.max_queue = max_inflight, max_queue
        self.inflight = 0
        self.queue: deque[SimulatedRequest] = deque()

    def processing_s(self, now: float) -> float:
        """Return the seconds until a request that arrives now has been forwarded.

        Each worker handles one request at a time (Lindley's recursion), slowed by its relaying.
        """
        self.next_worker = (self.next_worker + 1) % len(self.free_at)
        slower = 1 - min(MAX_RELAY_LOAD, self.relay_load / len(self.free_at))
        begun = max(now, self.free_at[self.next_worker])
        self.free_at[self.next_worker] = begun + measured.REQUEST_S / slower
        return self.free_at[self.next_worker] - now

    def admit(self, request: SimulatedRequest, now: float) -> bool:
        """Return whether the request gets a slot now; else it is queued or refused."""
        self.drop_expired(now)
        if self.inflight < self.max_inflight:
            self.inflight += 1
            return True
        if len(self.queue) >= self.max_queue:
            request.ending = "refused"
        else:
            self.queue.append(request)
        return False

    def release(self, now: float) -> SimulatedRequest | None:
        """Free a slot; return the queued request that takes it."""
        self.drop_expired(now)
        if self.queue:
            return self.queue.popleft()
        self.inflight -= 1
        return None

    def drop_expired(self, now: float) -> None:
        """Drop queued requests that have timed out (503)."""
        while self.queue and now - self.queue[0].arrived_s > QUEUE_TIMEOUT_S:
            late = self.queue.popleft()
            late.ending, late.last_s = "late", now
