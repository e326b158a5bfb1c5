"""Fork safety: a forked child gets fresh locks and connections."""

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Owner of locks, sockets or processes that a forked child must not share."""

    def renew_after_fork(self) -> None:
        """Drop the parent's resources, without closing or waiting for them."""


_TRACKED: WeakSet[Forkable] = WeakSet()
_INHERITED: list[object] = []


def track(owner: Forkable) -> None:
    """Call `owner.renew_after_fork` in every child that is forked from now on."""
    _TRACKED.add(owner)


def keep(resource: object) -> None:
    """Keep a reference to a parent's resource, which the child's garbage collector would close."""
    _INHERITED.append(resource)


def _renew_all() -> None:
    for owner in list(_TRACKED):
        owner.renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
