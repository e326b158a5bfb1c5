"""A child made by fork starts with fresh locks and connections."""

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """What holds a lock, a socket or a process."""

    def renew_after_fork(self) -> None:
        """Forget what belongs to the parent, without closing or waiting for it."""


_TRACKED: WeakSet[Forkable] = WeakSet()
_PARENTS_THINGS: list[object] = []


def track(thing: Forkable) -> None:
    """Have `thing` renewed in every child that is forked from now on."""
    _TRACKED.add(thing)


def keep(thing: object) -> None:
    """Hold what the parent still uses: being collected, it would close the parent's connection."""
    _PARENTS_THINGS.append(thing)


def _renew_all() -> None:
    for thing in list(_TRACKED):
        thing.renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
