"""The folder of a vault: a folder a day in UTC, and in it a file an answer, named by its id."""

import contextlib
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from gateway.runtime.files import sync_folder, write_whole

SUFFIX = ".sealed"
DAY = re.compile(r"\d{4}-\d\d-\d\d")
ID = re.compile(r"[0-9a-f]{32}")
OWN = re.compile(
    rf"{ID.pattern}\{SUFFIX}(\.\d+\.new)?"
)  # or the draft of a process that was killed


def make_day(vault: Path, day: str) -> Path:
    """Return the folder of a day, made where it is not there; raise OSError."""
    folder = vault / day
    try:
        folder.mkdir(mode=0o700)
        sync_folder(vault)
    except FileExistsError:
        if folder.is_symlink():  # nothing behind it would be found again, or erased
            raise
    return folder


def write(folder: Path, name: str, sealed: bytes) -> None:
    """Write the file of an answer, whole or not at all; raise OSError."""
    write_whole(folder / f"{name}{SUFFIX}", sealed, mode=0o600)


def days_in(vault: Path) -> list[Path]:
    """Return the folders of the days, oldest first; raise OSError."""
    return sorted(
        folder
        for folder in vault.iterdir()
        if DAY.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
    )


def answers_in(vault: Path) -> Iterator[Path]:
    """Yield the files of all answers, oldest day first."""
    for folder in days_in(vault):
        yield from sorted(folder.glob(f"*{SUFFIX}"))


def files_of(vault: Path, name: str) -> list[Path]:
    """Return the file of an answer, if there is one; a name of another form has none."""
    if not ID.fullmatch(name):
        return []
    files = (folder / f"{name}{SUFFIX}" for folder in days_in(vault))
    return [file for file in files if file.is_file()]


def erase(file: Path) -> None:
    """Erase the file of an answer and its drafts; raise OSError."""
    for path in (file, *file.parent.glob(f"{file.name}.*.new")):
        path.unlink(missing_ok=True)
    sync_folder(file.parent)


def erase_before(vault: Path, day: str, *, most: int) -> bool:
    """Delete the folders of earlier days in batches of `most` files; return whether all are gone.
    Other files in them stay. Raise OSError."""
    left = most
    for folder in days_in(vault):
        if folder.name >= day:
            break
        with os.scandir(folder) as entries:  # lists no more than it gives
            ours = (entry for entry in entries if OWN.fullmatch(entry.name) and not entry.is_dir())
            for entry in islice(ours, left):
                Path(entry).unlink(missing_ok=True)
                left -= 1
        with contextlib.suppress(OSError):  # another gateway was first, or something else is in it
            folder.rmdir()
    return left > 0
