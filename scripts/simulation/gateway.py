"""A gateway: the CPU time of its workers."""

from __future__ import annotations

from typing import Final

from launcher.capacity import measured

MAX_RELAY_LOAD: Final = 0.95


class SimulatedGateway:
    """Workers that take the requests in turn; no experiment limits how many are in progress."""

    def __init__(self, workers: int) -> None:
        self.free_at = [0.0] * workers
        self.relay_load = 0.0  # processors busy with the chunks of open streams
        self.next_worker = 0

    def processing_s(self, now: float) -> float:
        """Return the seconds until a request that arrives now has been forwarded.

        Each worker handles one request at a time (Lindley's recursion), slowed by its relaying.
        """
        self.next_worker = (self.next_worker + 1) % len(self.free_at)
        slower = 1 - min(MAX_RELAY_LOAD, self.relay_load / len(self.free_at))
        begun = max(now, self.free_at[self.next_worker])
        self.free_at[self.next_worker] = begun + measured.REQUEST_S / slower
        return self.free_at[self.next_worker] - now
