"""Complete futures that somebody else may have cancelled in the meantime."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


def settle(future: asyncio.Future[T], outcome: T | Exception) -> bool:
    """Give a future its result or exception; False when it was done or cancelled already."""
    if future.done():
        return False
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
    return True
