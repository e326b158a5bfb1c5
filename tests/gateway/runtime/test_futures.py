"""Futures that two sides may complete."""

import asyncio
import re

import pytest

from gateway.runtime.futures import settle
from tests.contract.process import ROOT

# Not straight below a look at whether it is done.
UNGUARDED = re.compile(r"^(?!.*\.done\(\):\n).*\n.*\.set_(result|exception)\(", re.MULTILINE)


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


def test_no_future_is_completed_unseen() -> None:
    """A caller who hangs up cancels futures: to complete one then ends whatever did it."""
    sources = (ROOT / "gateway").rglob("*.py")
    unguarded = [file.name for file in sources if UNGUARDED.search(file.read_text())]

    assert unguarded == ["futures.py"]
