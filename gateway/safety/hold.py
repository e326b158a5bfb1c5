"""The operator's switch that takes the model out of service while the gateway stays up."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

CHECK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Hold:
    """Why the model is out of service, who said so, and since when (RFC 3339, UTC)."""

    reason: str
    by: str
    since: str


# A damaged file still means that somebody wanted the model off: fail towards silence.
UNREADABLE = Hold(reason="the hold file cannot be read", by="unknown", since="unknown")


class HoldFile:
    """The hold as a file, so that it survives a restart and is shared by all workers."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._next_look = float("-inf")
        self._stamp: tuple[int, int, int] | None = None
        self._hold: Hold | None = None

    def current(self) -> Hold | None:
        """The hold in force; looks at the file at most once a second, reads it when it changed."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + CHECK_EVERY_S
            self._look()
        return self._hold

    def _look(self) -> None:
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._hold = read(self._path)


def read(path: Path) -> Hold | None:
    """The hold written at `path`; None when there is no file, UNREADABLE when it makes no sense."""
    try:
        found = json.loads(path.read_bytes())
        return Hold(**{name: str(found[name]) for name in ("reason", "by", "since")})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return UNREADABLE


def write(path: Path, hold: Hold) -> None:
    """Put the hold in force, whole or not at all, a power cut included; raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(hold), file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def release(path: Path) -> bool:
    """End the hold; says whether there was one."""
    if not path.exists():  # the folder may be one to read only
        return False
    path.unlink(missing_ok=True)
    return True


def downtime_message(hold: Hold, contact: str | None = None) -> str:
    """What a clinician reads instead of an answer."""
    ask = f" Questions: {contact}." if contact else ""
    return (
        f"The clinical model was taken out of service on {hold.since} ({hold.reason}). "
        "Follow your downtime procedure and rely on clinical judgement and your usual references; "
        f"no question has been answered.{ask}"
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return (-1, -1, -1)  # there, but out of reach: read() decides what that means
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)
