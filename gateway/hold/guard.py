"""The hold in this process: it stops requests before the engine, and with `now` ends those in
flight."""

import asyncio
from collections.abc import Callable

from gateway.errors import Held
from gateway.hold.hold import Hold
from gateway.http.exchange import Exchange
from gateway.runtime.files import WatchedFile
from gateway.runtime.log import log

POLL_S = 0.25


class HoldGuard:
    """The hold of this machine, or else of all gateways. `run` must be running.

    `message` is the downtime message, None without a hold; it is an attribute because every request
    reads it twice. `hold` is the hold itself. `running` has the requests that wait for a slot or
    are at the engine.
    """

    def __init__(
        self,
        file: WatchedFile[Hold | None],
        shared: Callable[[], Hold | None] | None,
        wording: Callable[[Hold], str],
    ) -> None:
        self.running: set[Exchange] = set()
        self._file = file
        self._shared = shared
        self._wording = wording
        self.message: str | None = None
        self.hold: Hold | None = None
        self._enforce(self._current())

    def apply_shared(self) -> None:
        """Apply a hold of all gateways, if state is shared. It may end requests, so call it on the
        event loop only."""
        if self._shared is not None:
            self._enforce(self._file.value or self._shared())

    async def run(self) -> None:
        """Check for a hold several times a second, also without requests."""
        while True:
            self.refresh()
            await asyncio.sleep(POLL_S)

    def refresh(self) -> None:
        """Check the file and the other gateways now."""
        self._enforce(self._current())

    def _current(self) -> Hold | None:
        self._file.refresh()
        return self._file.value or (self._shared() if self._shared else None)

    def _enforce(self, hold: Hold | None) -> None:
        was_on_hold = self.message is not None
        self.message, self.hold = self._wording(hold) if hold else None, hold
        if bool(hold) != was_on_hold:
            log.warning("the model is out of service" if hold else "the model is back in service")
        if hold is None or not hold.now or not self.running:
            return
        log.warning("a hold ends %d requests", len(self.running))
        for request in tuple(self.running):
            request.interrupt(self._refusal)

    def _refusal(self) -> Held:
        return Held(self.message or "The clinical model was taken out of service.")
