"""Ctrl-C, kept away from what must not be left half done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until this block is done, then raise KeyboardInterrupt.

    A terminal that is being drawn has state (cursor, live display), and a signal in the middle
    of a change to it would leave that state contradicting itself. Main thread only.
    """
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
