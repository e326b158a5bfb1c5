"""API keys as they lie on disk: hashed, named, with scopes, limits and an end."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from gateway.principal import NO_LIMITS, PRIORITIES, SCOPES, Limits, Principal, Priority

PREFIX = "mmhie_"  # what secret scanners look for
SECRET_BYTES = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class KeysUnreadable(Exception):
    """The keys file is not there, or not what `mmhie keys` writes; the message says which."""


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the keys file; times are unix seconds."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: float
    priority: Priority = "routine"
    limits: Limits = field(default=NO_LIMITS)
    expires: float | None = None
    revoked: float | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError("a name is letters, digits, `.`, `_` and `-`, at most 64")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError("sha256 is 64 hexadecimal digits")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise ValueError(f"scopes are some of {', '.join(SCOPES)}")
        if self.priority not in PRIORITIES:
            raise ValueError(f"priority is one of {', '.join(PRIORITIES)}")

    def client(self) -> Principal:
        return Principal(
            self.name, "key", frozenset(self.scopes), self.priority, self.limits, self.expires
        )

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


def new_secret() -> str:
    """A key to hand out: 256 random bits, shown once."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def sha256(secret: bytes) -> str:
    """How a key is stored.

    One round of SHA-256 and no salt: NIST SP 800-63B-3 (section 5.1.2.2, look-up secrets) asks for
    a salt and a slow hash only where a secret has less than 112 bits of entropy. Slow hashes are
    there to price guessing, and 256 random bits cannot be guessed.
    """
    return hashlib.sha256(secret).hexdigest()


def by_digest(keys: Iterable[Key]) -> dict[str, Key]:
    """What the gateway looks callers up in.

    A dict look-up is no constant-time comparison, and need not be: what is compared is the
    SHA-256 of what the caller sent. To learn from timing how far a digest agrees with a stored
    one, and to profit from it, a caller would have to choose inputs by digest: find preimages.
    """
    return {key.sha256: key for key in keys}


def read(path: Path) -> tuple[Key, ...]:
    """Every key of a file, revoked ones too; raises KeysUnreadable."""
    try:
        rows = json.loads(path.read_bytes())["keys"]
        return tuple(map(of_row, rows))
    except FileNotFoundError:
        raise KeysUnreadable("there is no such file; `mmhie keys new` makes it") from None
    except OSError as error:
        raise KeysUnreadable(f"it cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeysUnreadable("it is not what `mmhie keys` writes") from None


def of_row(row: Mapping[str, Any]) -> Key:
    """One key; raises ValueError, KeyError or TypeError for a row that is not one."""
    known = {one.name for one in fields(Key)} & row.keys()
    given = {name: row[name] for name in known}
    limits = Limits(**row.get("limits", {}))
    if any(not isinstance(one, int | None) for one in asdict(limits).values()):
        raise TypeError("a limit is a whole number")
    return Key(**{**given, "scopes": tuple(row["scopes"]), "limits": limits})


def write(path: Path, keys: Iterable[Key]) -> None:
    """Put keys in force, whole or not at all, readable by their owner only; raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    rows = [asdict(key) for key in keys]
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"keys": rows}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
