"""A small disk of its own, to be filled up."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "48m"
PIECE = b"\0" * 4096


class Disk:
    """A mounted memory file system of a fixed size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self) -> None:
        """Write until not one byte more is taken."""
        with self.ballast.open("ab", buffering=0) as file:
            for piece in (PIECE, PIECE[:1]):
                try:
                    while True:
                        file.write(piece)
                except OSError:
                    continue

    def make_room(self) -> None:
        self.ballast.unlink()


@contextmanager
def mounted(folder: Path) -> Iterator[Disk | None]:
    """The disk, or None where nobody may mount one: root may, in most containers too."""
    folder.mkdir()
    mounting = ("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))
    if subprocess.run(mounting, capture_output=True).returncode:
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
