"""Log of the children's lines: a file beside a terminal, standard error elsewhere."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TextIO

from launcher.errors import LauncherError
from launcher.process.child import Listener


def open_log(path: Path) -> TextIO:
    """Open a new log; the one before it is kept beside it. Raises LauncherError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.replace(path.with_suffix(".old"))
        return path.open("w", buffering=1)
    except OSError as error:
        raise LauncherError(f"The log {path} cannot be written: {error.strerror}.") from error


def prefixed(name: str, file: TextIO) -> Listener:
    """Return a listener that writes each line under its program's name.

    A line that cannot be written is dropped: a full disk is no reason to stop a service.
    """

    def write(line: str) -> None:
        with contextlib.suppress(OSError):
            file.write(f"{name} | {line}\n")

    return write
