"""The folder of a vault: a folder a day in UTC, and in it a file an answer, named by its id."""

import contextlib
import re
from collections.abc import Iterator
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
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        sync_folder(vault)
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


def erase_before(vault: Path, day: str) -> None:
    """Erase the folders of earlier days; what is not of the vault stays. Raise OSError."""
    for folder in days_in(vault):
        if folder.name >= day:
            return
        for path in folder.iterdir():
            if OWN.fullmatch(path.name):
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another gateway was first, or something else is in it
            folder.rmdir()
