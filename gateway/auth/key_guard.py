"""The end of requests whose key is withdrawn while they wait or run."""

import asyncio
from collections.abc import Callable, Collection

from gateway.errors import Unauthorized
from gateway.http.exchange import Exchange
from gateway.principal import Principal
from gateway.runtime.log import log

POLL_S = 1.0  # as often as the keys file is looked at


async def end_withdrawn(
    running: Collection[Exchange], still_admits: Callable[[Principal], bool]
) -> None:
    """End the running requests of withdrawn keys, once a second."""
    while True:
        ended = [request for request in running if not still_admits(request.record.principal)]
        if ended:
            log.warning("a withdrawn key ends %d requests", len(ended))
        for request in ended:
            request.interrupt(withdrawn)
        await asyncio.sleep(POLL_S)


def withdrawn() -> Unauthorized:
    return Unauthorized("The key was revoked or has expired meanwhile; ask the operator for one.")
