"""The operator's hold, which takes the model out of service while the gateway stays up."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.files import WatchedFile, write_json
from gateway.safety.wording import Wording


@dataclass(frozen=True, slots=True)
class Hold:
    """The reason why the model is out of service, its author, and its time (RFC 3339, UTC)."""

    reason: str
    by: str
    since: str


# A damaged file still means that somebody wanted the model off: fail closed.
UNREADABLE = Hold(reason="the hold file cannot be read", by="unknown", since="unknown")


def watch(path: Path, *, clock: Callable[[], float] = time.monotonic) -> WatchedFile[Hold | None]:
    """Return the hold in a file, which survives a restart and is shared by all workers."""
    return WatchedFile(
        path, read=lambda: read(path), initial=None, name="MMHIE_HOLD_FILE", clock=clock
    )


def read(path: Path) -> Hold | None:
    """Return the hold in a file; None when there is no file, UNREADABLE when it is damaged."""
    try:
        found = json.loads(path.read_bytes())
        return Hold(**{name: str(found[name]) for name in ("reason", "by", "since")})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return UNREADABLE


def write(path: Path, hold: Hold) -> None:
    """Put the hold in force; raise OSError."""
    write_json(path, asdict(hold))


def release(path: Path) -> bool:
    """End the hold; return whether there was one."""
    if not path.exists():  # the folder may be one to read only
        return False
    path.unlink(missing_ok=True)
    return True


def downtime_message(hold: Hold, wording: Wording, contact: str | None = None) -> str:
    """Return the text that a clinician reads instead of an answer."""
    message = wording.downtime.format(since=hold.since, reason=hold.reason)
    return f"{message} {wording.questions.format(contact=contact)}" if contact else message
