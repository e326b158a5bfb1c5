"""Lines that the feed has set aside: copies in a file beside the trail, until they are sent."""

import os
from collections.abc import Collection
from pathlib import Path

from gateway.audit import chain
from gateway.audit.chain import Line
from gateway.audit.file import lock_trail
from gateway.runtime.files import write_whole


class SetAside:
    """The lines of one trail that were set aside. Only genuine ones are read. Methods raise
    OSError."""

    def __init__(self, trail: Path, key: str) -> None:
        self.file = trail.with_name(f"{trail.name}.aside")
        self._trail = trail
        self._mac = chain.new_mac(key)

    def add(self, line: Line) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with lock_trail(self._trail), open(os.open(self.file, flags, 0o600), "ab") as file:
            file.write(line.raw + b"\n")

    def lines(self) -> list[Line]:
        """Return the lines, each once: a kill may have set one aside twice."""
        try:
            rows = dict.fromkeys(self.file.read_bytes().splitlines())
        except FileNotFoundError:
            return []
        lines = (chain.parse_line(row, self._mac) for row in rows)
        return [line for line in lines if line is not None and line.is_genuine]

    def remove(self, sent: Collection[Line]) -> None:
        """Remove lines that were sent; the feed may have added others meanwhile."""
        gone = {line.raw for line in sent}
        with lock_trail(self._trail):
            rest = [line.raw + b"\n" for line in self.lines() if line.raw not in gone]
            if rest:
                write_whole(self.file, b"".join(rest), mode=0o600)
            else:
                self.file.unlink(missing_ok=True)
