"""The parts of the client that differ under asyncio; `_sync_io` has the same names."""

import asyncio
from asyncio import sleep
from asyncio import to_thread as in_thread

import httpx2

from mmhie._http import client_options

__all__ = ["AsyncClients", "in_thread", "sleep"]


class AsyncClients:
    """A client of httpx2 for each event loop: connections cannot be used from another loop."""

    def __init__(self) -> None:
        self._clients: dict[asyncio.AbstractEventLoop, httpx2.AsyncClient] = {}

    def get(self, url: str) -> httpx2.AsyncClient:
        """Return this loop's client of the address; let go of those of loops that have ended."""
        for loop in [each for each in list(self._clients) if each.is_closed()]:
            self._clients.pop(loop, None)
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            options = client_options(url, httpx2.AsyncHTTPTransport)
            self._clients[loop] = httpx2.AsyncClient(**options)
        return self._clients[loop]

    async def aclose(self) -> None:
        """Close this loop's client."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
