"""How many requests are at the engine at once, and how many may wait for that."""

import asyncio
from collections import deque
from types import TracebackType

from gateway.errors import QueueTimeout, TooBusy


class Admission:
    """A bounded number of places, and a bounded queue in the order of arrival.

    `async with admission:` holds a place until the block ends, which must be the end of the
    response's body: a place given back at the first byte would admit without limit.
    """

    def __init__(self, *, places: int, queue: int, patience_s: float) -> None:
        self.places = places
        self.queue = queue
        self.patience_s = patience_s
        self.inflight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def __aenter__(self) -> None:
        if self.inflight < self.places and not self._waiting:
            self.inflight += 1
            return
        if len(self._waiting) >= self.queue:
            raise TooBusy(
                "All places at the engine and in the queue are taken; try again shortly.",
                retry_after_s=1,
            )
        await self._wait()

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self.patience_s):
                await turn
        except BaseException as stopped:
            self._give_up(turn)
            if isinstance(stopped, TimeoutError):
                raise QueueTimeout(
                    f"No place at the engine came free within {self.patience_s:g} s; try again.",
                    retry_after_s=max(1, round(self.patience_s)),
                ) from None
            raise

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """Leave the queue, or pass the place on if it was granted in the same moment."""
        if turn.done() and not turn.cancelled():
            self._leave()
        elif turn in self._waiting:
            self._waiting.remove(turn)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the place changes hands; the count stays
                return
        self.inflight -= 1
