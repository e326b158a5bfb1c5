"""The keys file as the gateway sees it: looked at once a second, read when it changed."""

import time
from collections.abc import Callable, Container
from pathlib import Path

from gateway.auth import keys
from gateway.logs import log
from gateway.principal import Principal

CHECK_EVERY_S = 1.0


class KeyFile:
    """Who the keys are. A file that broke while we run changes nothing and is told: dropping
    every caller for a slip of an editor would be the worse failure. One that is gone holds no
    keys. `revoked` has the digests of keys that were revoked elsewhere."""

    def __init__(
        self,
        path: Path,
        *,
        revoked: Container[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._revoked = revoked
        self.problem: str | None = None
        self._clock = clock
        self._next_look = float("-inf")
        self._stamp: tuple[int, int, int] | None = (-1, -1, -1)
        self._clients: dict[str, Principal] = {}

    def client(self, token: bytes) -> Principal | None:
        """Whose key this is; None for unknown, expired and revoked ones."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + CHECK_EVERY_S
            self._look()
        digest = keys.sha256(token)
        client = self._clients.get(digest)
        if client is None or digest in self._revoked:
            return None
        if client.expires is not None and client.expires <= time.time():
            return None
        return client

    def _look(self) -> None:
        stamp = stamp_of(self.path)
        if stamp == self._stamp:
            return
        try:
            found = keys.read(self.path) if stamp else ()
        except keys.KeysUnreadable as problem:
            self._tell(f"The keys file cannot be used: {problem}.")
            return  # and look again: the stamp stays as it was
        self._stamp = stamp
        self.problem = None if stamp else "The keys file is gone: no key is accepted."
        live = (key for key in found if key.revoked is None)
        self._clients = {digest: key.client() for digest, key in keys.by_digest(live).items()}

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            log.error("keys file cannot be used")
        self.problem = problem


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file does; None when there is none."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return (0, 0, 0)  # there, but out of reach: reading it says why
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)
