"""Futures that two sides may complete."""

import asyncio

import pytest

from gateway.futures import settle


async def test_whoever_comes_first() -> None:
    """A result or an exception; what comes second, or after a cancellation, changes nothing."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    assert settle(future, 1)
    assert not settle(future, 2)
    assert not settle(future, KeyError())
    assert await future == 1

    future = asyncio.get_running_loop().create_future()
    assert settle(future, KeyError())
    with pytest.raises(KeyError):
        await future

    future = asyncio.get_running_loop().create_future()
    future.cancel()
    assert not settle(future, 1)
