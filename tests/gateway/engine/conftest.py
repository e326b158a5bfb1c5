"""The engine client runs on uvloop in the service and on asyncio in other people's hands: both."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each asynchronous test here runs once on either."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
