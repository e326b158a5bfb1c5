"""The hold in force at this process: no request goes to the engine under it, and `now` ends those
that are there."""

import asyncio
from collections.abc import Callable

from gateway.errors import Held
from gateway.hold.hold import Hold
from gateway.http.exchange import CancelOnDisconnect
from gateway.runtime.files import WatchedFile
from gateway.runtime.log import log

POLL_S = 0.25


class HoldGuard:
    """The hold of this machine, or else of all gateways; `run` has to run.

    `message` is the downtime message of the hold in force, None without one: an attribute, since
    every request looks twice; `look` brings it up to date with the other gateways. `running` are
    the requests that wait for a slot or are at the engine.
    """

    def __init__(
        self,
        file: WatchedFile[Hold | None],
        shared: Callable[[], Hold | None] | None,
        wording: Callable[[Hold], str],
    ) -> None:
        self.running: set[CancelOnDisconnect] = set()
        self._file = file
        self._shared = shared
        self._wording = wording
        self.message: str | None = None
        self._enforce(self._current())

    def look(self) -> None:
        """Take in what the other gateways hold by now, where there are any."""
        if self._shared is not None:
            self._enforce(self._file.value or self._shared())

    async def run(self) -> None:
        """Look for a hold also when nobody asks, and end what it ends."""
        while True:
            self.refresh()
            await asyncio.sleep(POLL_S)

    def refresh(self) -> None:
        """Look at the file and the other gateways now."""
        self._enforce(self._current())

    def _current(self) -> Hold | None:
        self._file.refresh()
        return self._file.value or (self._shared() if self._shared else None)

    def _enforce(self, held: Hold | None) -> None:
        was_held = self.message is not None
        self.message = self._wording(held) if held else None
        if bool(held) != was_held:
            log.warning("the model is out of service" if held else "the model is back in service")
        if held is None or not held.now or not self.running:
            return
        log.warning("a hold ends %d requests", len(self.running))
        for request in tuple(self.running):
            request.interrupt(self._refusal)

    def _refusal(self) -> Held:
        return Held(self.message or "The clinical model was taken out of service.")
