"""Several pieces of work at once, in threads that keep no process from ending."""

import queue
import threading
from collections.abc import Callable
from typing import Final, TypeVar

AT_ONCE: Final = 4

Item = TypeVar("Item")


def in_parallel(work: Callable[[Item], object], items: list[Item]) -> None:
    """Do several at once; raise the first failure, without waiting for the others.

    Daemon threads: a connection that is silent must not keep the process from ending.
    """
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    left = iter(items)
    for _ in items[:AT_ONCE]:
        _start(work, next(left), ended)
    for _ in items:
        if error := ended.get():
            raise error
        if (following := next(left, None)) is not None:
            _start(work, following, ended)


def _start(
    work: Callable[[Item], object], item: Item, ended: queue.SimpleQueue[BaseException | None]
) -> None:
    def run() -> None:
        try:
            work(item)
            ended.put(None)
        except BaseException as error:  # raised where it is waited for
            ended.put(error)

    threading.Thread(target=run, daemon=True).start()
