"""The parts of the client that differ without asyncio; `_async_io` has the same names."""

import threading
from collections.abc import Callable
from contextlib import suppress
from time import sleep
from typing import TYPE_CHECKING, TypeVar

from mmhie._http import Address, open_client
from mmhie._retry import Deadline

if TYPE_CHECKING:
    import httpx2

__all__ = ["Attempt", "Connections", "Send", "close_response", "in_thread", "sleep"]

T = TypeVar("T")
Attempt = Callable[[Deadline], T]
Send = Callable[[], "httpx2.Response"]


class Connections:
    """One client of httpx2 for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._address: Address | None = None
        self._client: httpx2.Client | None = None

    def client(self, address: Address) -> "httpx2.Client":
        """Return the client; open a new one if the address has changed."""
        with self._lock:
            if self._client is not None and self._address != address:
                self._client.close()
                self._client = None
            if self._client is None:
                self._client = open_client(address)
                self._address = address
            return self._client

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def forget(self) -> None:
        """Close the client: the configuration may change."""
        self.close()


def in_thread(function: Callable[[], T]) -> T:
    """Return the function's result: this thread may block."""
    return function()


def close_response(response: "httpx2.Response") -> None:
    """Close the connection of a response that is not read to its end, and wake its reader."""
    stream = response.extensions.get("network_stream")
    connection = stream and stream.get_extra_info("socket")
    if connection is not None and not response.is_closed:  # else it is the next request's already
        with suppress(OSError):  # the server was first
            connection.shutdown(2)  # socket.SHUT_RDWR: closing it would not wake a reading thread
    response.close()
