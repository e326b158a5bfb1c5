"""Complete futures that may have been cancelled meanwhile."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


def settle(future: asyncio.Future[T], outcome: T | Exception) -> bool:
    """Set a future's result or exception; returns False if it is already done or cancelled."""
    if future.done():
        return False
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
    return True
