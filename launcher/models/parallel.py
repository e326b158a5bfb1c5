"""Several pieces of work at once, in threads that keep no process from ending."""

from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import Final, TypeVar

AT_ONCE: Final = 4

Item = TypeVar("Item")


def in_parallel(work: Callable[[Item], object], items: list[Item]) -> None:
    """Do several at once; raise the first failure, without waiting for the others.

    Daemon threads: a connection that is silent must not keep the process from ending.
    """
    with ThreadPool(AT_ONCE) as threads:
        for _ in threads.imap_unordered(work, items):
            pass
