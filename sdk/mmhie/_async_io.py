"""The parts of the client that differ under asyncio; `_sync_io` has the same names."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from mmhie._http import Address, open_async_client
from mmhie._retry import Deadline

if TYPE_CHECKING:
    import asyncio  # imported where used: it costs 40 ms and backends without it never need it

    import httpx2

T = TypeVar("T")
Attempt = Callable[[Deadline], Awaitable[T]]
Send = Callable[[], Awaitable["httpx2.Response"]]


class AsyncConnections:
    """A client of httpx2 for each event loop: connections cannot be used from another loop."""

    def __init__(self) -> None:
        self._clients: _Clients = WeakKeyDictionary()

    async def client(self, address: Address) -> "httpx2.AsyncClient":
        """Return this loop's client; open a new one if the address has changed."""
        import asyncio

        loop = asyncio.get_running_loop()
        known, client = self._clients.get(loop, (None, None))
        if client is not None and known != address:
            await client.aclose()
            client = None
        if client is None:
            self._forget_closed_loops()
            client = open_async_client(address)
            self._clients[loop] = (address, client)
        return client

    async def aclose(self) -> None:
        """Close this loop's client."""
        import asyncio

        _, client = self._clients.pop(asyncio.get_running_loop(), (None, None))
        if client is not None:
            await client.aclose()

    def forget(self) -> None:
        """Do nothing: a client can be closed only in its own loop."""

    def _forget_closed_loops(self) -> None:
        """Drop connections of loops that ended without `aclose`.

        A connection refers to its loop, so the dictionary's weak keys alone never would.
        """
        for reference in self._clients.keyrefs():  # a copy: other threads have loops, too
            loop = reference()
            if loop is not None and loop.is_closed():
                self._clients.pop(loop, None)


async def sleep(seconds: float) -> None:
    """Wait, and let other tasks run."""
    import asyncio

    await asyncio.sleep(seconds)


async def in_thread(function: Callable[[], T]) -> T:
    """Return the function's result; it may block."""
    import asyncio

    return await asyncio.to_thread(function)


async def close_response(response: "httpx2.Response") -> None:
    """Close the connection of a response that is not read to its end."""
    await response.aclose()


_Clients = WeakKeyDictionary["asyncio.AbstractEventLoop", tuple[Address, "httpx2.AsyncClient"]]
