"""The parts of the client that differ without asyncio; `_async_io` has the same names."""

import os
from collections.abc import Callable
from time import sleep
from typing import TypeVar

import httpx2

from mmhie._http import client_options

__all__ = ["Clients", "in_thread", "sleep"]

T = TypeVar("T")


class Clients:
    """One client of httpx2 for all threads; a forked process shares no connection with another."""

    def __init__(self) -> None:
        self._clients: dict[int, httpx2.Client] = {}

    def get(self, url: str) -> httpx2.Client:
        """Return this process's client of the address."""
        client = self._clients.get(os.getpid())
        if client is None:
            opened = httpx2.Client(**client_options(url, httpx2.HTTPTransport))
            client = self._clients.setdefault(os.getpid(), opened)  # a thread may have been first
        return client

    def close(self) -> None:
        """Close this process's client."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()


def in_thread(function: Callable[[], T]) -> T:
    """Return the function's result: this thread may block."""
    return function()
