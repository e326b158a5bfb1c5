"""The lock of a repository in the hub's cache: one fetch of it at a time."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(repository: Path, say: Callable[[], object]) -> Iterator[None]:
    """One fetch of a repository at a time; a dead holder's lock is free."""
    lock = repository / ".mmhie" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
