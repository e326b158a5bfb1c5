"""The operator's hold, which takes the model out of service while the gateway stays up."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from gateway.runtime.files import WatchedFile, read_bounded, write_json
from gateway.safety.wording import Wording


@dataclass(frozen=True, slots=True)
class Hold:
    """The reason why the model is out of service, its author, and its time (RFC 3339, UTC).

    With `now` it also ends the answers that are being written."""

    reason: str
    by: str
    since: str
    now: bool = False

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Return the hold in what was stored; raise KeyError or TypeError."""
        reason, by, since = (str(found[name]) for name in ("reason", "by", "since"))
        return cls(reason, by, since, found.get("now") is True)


# A damaged file still means that somebody wanted the model off: fail closed.
MOST_BYTES = 16 * 1024  # every refused client reads it
UNREADABLE = Hold(reason="the hold file cannot be read", by="unknown", since="unknown")


def watch(path: Path, *, clock: Callable[[], float] = time.monotonic) -> WatchedFile[Hold | None]:
    """Return the hold in a file, which survives a restart and may be shared by gateways."""
    return WatchedFile(
        path, read=lambda: read(path), initial=None, name="MMHIE_HOLD_FILE", clock=clock
    )


def read(path: Path) -> Hold | None:
    """Return the hold in a file; None when there is no file, UNREADABLE when it is damaged."""
    try:
        return Hold.of(orjson.loads(read_bounded(path, MOST_BYTES)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return UNREADABLE


def write(path: Path, hold: Hold) -> None:
    """Put the hold in force; raise OSError."""
    write_json(path, asdict(hold))


def release(path: Path) -> Hold | None:
    """End the hold; return what it was. Raise OSError."""
    before = read(path)
    if before is not None:  # the folder may be one to read only
        path.unlink(missing_ok=True)
    return before


def downtime_message(hold: Hold, wording: Wording, contact: str | None = None) -> str:
    """Return the text that a clinician reads instead of an answer."""
    message = wording.downtime.format(since=hold.since, reason=hold.reason)
    return f"{message} {wording.questions.format(contact=contact)}" if contact else message
