"""The end of requests whose key is withdrawn while they wait or run."""

import asyncio
from collections.abc import Callable, Collection

from gateway.errors import Unauthorized
from gateway.http.exchange import CancelOnDisconnect
from gateway.principal import Principal
from gateway.runtime.log import log

POLL_S = 1.0  # as often as the keys file is looked at


class KeyGuard:
    """Interrupts those `running` whose principal `still_admits` no longer accepts; `run` has to
    run."""

    def __init__(
        self,
        running: Collection[CancelOnDisconnect],
        still_admits: Callable[[Principal], bool],
    ) -> None:
        self._running = running
        self._still_admits = still_admits

    async def run(self) -> None:
        """Look once a second."""
        while True:
            self.look()
            await asyncio.sleep(POLL_S)

    def look(self) -> None:
        """End the requests of withdrawn keys."""
        ended = [request for request in self._running if not self._still_admits(request.principal)]
        if ended:
            log.warning("a withdrawn key ends %d requests", len(ended))
        for request in ended:
            request.interrupt(withdrawn)


def withdrawn() -> Unauthorized:
    return Unauthorized("The key was revoked or has expired meanwhile; ask the operator for one.")
