"""Background tasks that run as long as the application, and are restarted after a failure."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Literal

from gateway.runtime.log import fault_logged

PAUSE_S = 1.0  # before a task that failed runs again
WARN_S = 600.0  # how long /healthz reports a failure

Task = Literal["engine", "keys", "shared", "hold", "withdrawals", "upkeep", "vault"]


class Background:
    """Restarts tasks after a failure; logs it, counts it and warns the operator in /healthz.

    Otherwise one exception would end a task silently: a hold would have no effect, for example.
    """

    def __init__(
        self, count: Callable[[Task], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`count` is called with the task's name at each failure."""
        self._count = count
        self._clock = clock
        self._failed: dict[Task, float] = {}

    async def keep(self, name: Task, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task until it returns or is cancelled."""
        while True:
            with self.guard(name):
                await run()
                return
            await asyncio.sleep(PAUSE_S)

    @contextlib.contextmanager
    def guard(self, name: Task) -> Iterator[None]:
        """Record an exception of the block, and suppress it."""
        message = "a background task failed and runs again: %s"
        with fault_logged(message, name, then=lambda: self._note(name)):
            yield

    def _note(self, name: Task) -> None:
        self._failed[name] = self._clock()
        self._count(name)

    def warnings(self) -> list[str]:
        """Return a sentence for each task that failed in the last ten minutes."""
        since = self._clock() - WARN_S
        return [
            f"The background task `{name}` has failed and was started again; see the log."
            for name, failed in self._failed.items()
            if failed > since
        ]
