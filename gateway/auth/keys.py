"""API keys on disk: hashed, named, with scopes, limits and an expiry."""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import orjson

from gateway.principal import (
    NO_CARE,
    NO_LIMITS,
    PRIORITIES,
    SCOPES,
    CareContext,
    Principal,
    PrincipalLimits,
    Priority,
    is_name,
)
from gateway.runtime.files import (
    CHECK_EVERY_S,
    FileUnusable,
    WatchedFile,
    open_file,
    stamp_of,
    write_whole,
)
from gateway.runtime.json_types import Json

T = TypeVar("T", bound=Hashable)

PREFIX = "mmhie_"  # what secret scanners look for
SECRET_BYTES = 32
MOST_BYTES = 256 * 1024 * 1024  # of a file that is read at once
LONGEST_ROW = 2 * 1024 * 1024  # with a thousand users
HEAD, TAIL = b'{"keys": [\n', b"]}\n"
MOST_USERS = 1000  # of a key
LATEST = 253_402_300_799  # the end of the year 9999
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KNOWN_SCOPES = frozenset(SCOPES)
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the keys file; times are unix seconds."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: float
    priority: Priority = "routine"
    limits: PrincipalLimits = field(default=NO_LIMITS)
    expires: float | None = None
    revoked: float | None = None
    users: tuple[str, ...] = ()  # the only persons that it may name; a single one is its owner

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError("a name is letters, digits, `.`, `_` and `-`, at most 64")
        if not DIGEST.fullmatch(self.sha256):
            raise ValueError("sha256 is 64 hexadecimal digits")
        if not self.scopes or not KNOWN_SCOPES.issuperset(self.scopes):
            raise ValueError(f"scopes are some of {', '.join(SCOPES)}")
        if self.priority not in PRIORITIES:
            raise ValueError(f"priority is one of {', '.join(PRIORITIES)}")
        check_users(self.users, self.scopes)
        for at in (self.created, self.expires or 0, self.revoked or 0):
            if not 0 <= at <= LATEST:  # NaN would never expire
                raise ValueError("a time is a number of seconds since 1970")

    def principal(self) -> Principal:
        return Principal(
            self.name,
            "key",
            share(frozenset(self.scopes)),
            self.priority,
            share(self.limits),
            self.expires,
            self.sha256,
            CareContext(self.users[0], user_source="key") if len(self.users) == 1 else NO_CARE,
            self.users,
        )

    def state(self, now: float) -> str:
        """Return `active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


def check_users(users: Sequence[str], scopes: Container[str]) -> None:
    """Raise ValueError for persons whom a key of these scopes cannot name."""
    if len(users) > MOST_USERS or not all(map(is_name, users)):
        raise ValueError(f"users are at most {MOST_USERS} names of up to 255 printable characters")
    if len(users) > 1 and "on_behalf" not in scopes:
        raise ValueError("a key of several users needs the scope on_behalf, to name one of them")


FIELDS = frozenset(field.name for field in fields(Key))


def new_secret() -> str:
    """Return a key to hand out: 256 random bits, shown once."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def sha256(secret: bytes) -> str:
    """Return the digest that a key is stored as.

    One round of SHA-256 without salt is enough for 256 random bits: NIST SP 800-63B-3, section
    5.1.2.2, wants a slow hash only for secrets of less than 112 bits.
    """
    return hashlib.sha256(secret).hexdigest()


@lru_cache(maxsize=1024)
def share(value: T) -> T:
    """Return an equal object that other keys have, too: of 100,000 keys most have equal rights."""
    return value


def read(path: Path) -> Iterator[Key]:
    """Yield every key of a file, revoked ones too; raise FileUnusable."""
    try:
        yield from map(parse_row, read_rows(path))
    except FileNotFoundError:
        raise FileUnusable("there is no such file; `mmhie keys new` makes it") from None
    except OSError as error:
        raise FileUnusable(f"it cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FileUnusable("it is not what `mmhie keys` writes") from None


def read_rows(path: Path) -> Iterator[Json]:
    """Yield the rows of a file: line by line as `write` has written them, or any JSON at once."""
    with open_file(path) as file:
        first = file.readline(len(HEAD))
        if first != HEAD:
            yield from orjson.loads(first + file.read(MOST_BYTES))["keys"]
            return
        for line in iter(partial(file.readline, LONGEST_ROW), TAIL):
            yield orjson.loads(line.removesuffix(b",\n"))  # of no line, ValueError
        if file.read(1):
            raise ValueError("something follows the end")


def parse_row(row: Json) -> Key:
    """Return one key; raise ValueError, KeyError or TypeError for a row that is not one."""
    given = {name: row[name] for name in row if name in FIELDS}
    limits = row.get("limits", {})
    for value in limits.values():
        if value is not None and not (isinstance(value, int) and value >= 1):
            raise ValueError("a limit is a whole number from 1")  # 0 would be none
    users = tuple(row.get("users", ()))
    given |= {"scopes": tuple(row["scopes"]), "users": users, "limits": PrincipalLimits(**limits)}
    return Key(**given)


def write(path: Path, keys: Iterable[Key]) -> None:
    """Put keys in force, readable by their owner only; raise OSError."""
    rows = b",\n".join(map(orjson.dumps, keys))
    write_whole(path, HEAD + rows + b"\n" * bool(rows) + TAIL, mode=0o600)


class KeyFile:
    """The keys file in use, read at the start and by `refresh`. While it is broken, the keys before
    stay in force and a warning is shown; if it is deleted, there are no keys.

    `revoked` has the digests of keys that were revoked by other gateways.
    """

    def __init__(
        self,
        path: Path,
        *,
        revoked: Container[str] = frozenset(),
    ) -> None:
        self._revoked = revoked
        self._file = WatchedFile[dict[str, Principal]](
            path,
            read=lambda: read_principals(path),
            initial={},
            name="MMHIE_KEYS_FILE",
        )
        self.refresh()

    @property
    def problem(self) -> str | None:
        """A warning for the operator; None while the file is in order."""
        if self._file.is_missing:
            return "MMHIE_KEYS_FILE is missing: no key is accepted."
        return self._file.problem

    def refresh(self) -> None:
        """Read the file if it has changed; any thread may call this. 100,000 keys take 0.8 s."""
        self._file.refresh()

    async def run(self) -> None:
        """Read the file whenever it has changed, in a thread."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await asyncio.to_thread(self.refresh)

    def principal(self, token: bytes) -> Principal | None:
        """Return the owner of a key; None for an unknown, expired or revoked one."""
        return self.owner(sha256(token))

    def owner(self, digest: str) -> Principal | None:
        principal = self._file.value.get(digest)
        if principal is None or digest in self._revoked:
            return None
        return None if principal.is_expired(time.time()) else principal


def check(path: Path) -> None:
    """Raise FileUnusable for a file that cannot be used."""
    for _ in read(path):
        pass


def read_principals(path: Path) -> dict[str, Principal]:
    """Return the owners of the keys that are not revoked, by digest; raise FileUnusable.

    The look-up need not take constant time: it compares SHA-256 digests, which callers cannot
    choose.
    """
    if stamp_of(path) is None:
        return {}
    return {key.sha256: key.principal() for key in read(path) if key.revoked is None}
