"""What was done to a trail: an edit, a deletion, a reordering, a cut, another key; and where."""

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gateway.audit import chain
from gateway.audit.chain import START, Head, Line
from gateway.audit.file import rotated_files

Kind = Literal["edited", "deleted", "reordered", "rewritten", "cut", "torn", "wrong key", "missing"]
MOST_LISTED = 1000
Numbered = tuple[str, bytes]  # "file:line", and the line with its newline


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where."""

    kind: Kind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.what}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that did not come, and the line that came instead."""

    first: int
    last: int
    where: str

    def without(self, seq: int) -> list["Gap"]:
        """What is left when one of them comes after all."""
        if not self.first <= seq <= self.last:
            return [self]
        sides = (Gap(self.first, seq - 1, self.where), Gap(seq + 1, self.last, self.where))
        return [side for side in sides if side.first <= side.last]


@dataclass(slots=True)
class Report:
    """What a reading came to."""

    lines: int = 0
    genuine: int = 0
    first: int = 0
    head: Head = START
    findings: list[Finding] = field(default_factory=list)


class Reading:
    """Reads a trail line by line. A line is followed by what it says itself, so one fault is one
    finding and not a cascade."""

    def __init__(self, mac: hmac.HMAC, checkpoints: Iterable[Head] = ()) -> None:
        self.report = Report()
        self._mac = mac
        self._checkpoints = {head.seq: head.mac for head in checkpoints}
        self._missing: list[Gap] = []
        self._last: Line | None = None
        self._where = "the beginning"

    def feed(self, where: str, raw: bytes) -> None:
        """One line, with its newline."""
        self.report.lines += 1
        line = chain.open_line(raw.removesuffix(b"\n"), self._mac)
        if line is None or not raw.endswith(b"\n"):
            self._unreadable(where)
            return
        self._where = where
        self.report.genuine += line.is_genuine
        if not line.is_genuine:
            self._find("edited", where, f"line {line.head.seq} is not what was written")
        self._follow(where, line)
        self._meet_checkpoint(where, line)

    def _unreadable(self, where: str) -> None:
        self._find("torn", where, f"what should be line {self.report.head.seq + 1} is no line")
        self.report.head = Head(self.report.head.seq + 1, "")
        self._last = None

    def _follow(self, where: str, line: Line) -> None:
        expected = self.report.head.seq + 1
        # What an edited line says of its number proves nothing: it stands where it stands.
        seq = line.head.seq if line.is_genuine or not self.report.first else expected
        if not self.report.first:
            self.report.first = expected = seq
        if seq < expected:
            self._out_of_order(where, seq)
            return
        if seq > expected:
            self._missing.append(Gap(expected, seq - 1, where))
        else:
            self._check_link(where, line)
        self.report.head, self._last = Head(seq, line.head.mac), line

    def _out_of_order(self, where: str, seq: int) -> None:
        moved = any(gap.first <= seq <= gap.last for gap in self._missing)
        self._missing = [part for gap in self._missing for part in gap.without(seq)]
        what = "comes after later ones" if moved else "is here a second time"
        self._find("reordered", where, f"line {seq} {what}")

    def _check_link(self, where: str, line: Line) -> None:
        """A line whose predecessor is not the one it was written after: somebody with the key."""
        before = START.mac if line.head.seq == 1 else self._last and self._last.head.mac
        genuine = line.is_genuine and (self._last is None or self._last.is_genuine)
        if before is not None and genuine and line.prev != before:
            self._find("rewritten", where, f"line {line.head.seq} was written after another line")

    def _meet_checkpoint(self, where: str, line: Line) -> None:
        mac = self._checkpoints.pop(line.head.seq, None)
        if mac is not None and mac != line.head.mac:
            self._find("rewritten", where, f"line {line.head.seq} is not the checkpoint's")

    def end(self, *, archived: bool) -> Report:
        """What is wrong in all; `archived` says that earlier files were moved away in order."""
        report = self.report
        self._deletions()
        if report.first > 1 and not archived:
            self._find("missing", "the beginning", f"the lines before {report.first} are not here")
        latest = max(self._checkpoints, default=0)
        if latest > report.head.seq:
            what = f"lines {report.head.seq + 1} to {latest}, known by a checkpoint, are gone"
            self._find("cut", self._where, what)
        if report.lines and not report.genuine:
            what = f"none of {report.lines} lines was written with this key"
            report.findings = [Finding("wrong key", "everywhere", what)]
        return report

    def _deletions(self) -> None:
        for gap in self._missing:
            one = gap.first == gap.last
            what = f"line {gap.first} is" if one else f"lines {gap.first} to {gap.last} are"
            self._find("deleted", gap.where, f"{what} missing before this one")

    def _find(self, kind: Kind, where: str, what: str) -> None:
        if len(self.report.findings) < MOST_LISTED:
            self.report.findings.append(Finding(kind, where, what))


def verify(
    path: Path,
    *,
    key: str,
    checkpoints: Iterable[Head] = (),
    archived: bool = False,
    seen: Callable[[int], object] = id,
) -> Report:
    """Read a whole trail, rotated files first, and tell `seen` the bytes of each line.

    Raises OSError.
    """
    reading = Reading(chain.keyed(key), checkpoints)
    for where, raw in lines_of(path):
        reading.feed(where, raw)
        seen(len(raw))
    return reading.end(archived=archived)


def lines_of(path: Path) -> Iterator[Numbered]:
    """Every line of a trail in the order of its files, each with its place."""
    rotated = rotated_files(path)
    for one in (*rotated, path):
        if one == path and rotated and not path.exists():
            return  # a crash between the two steps of a rotation
        with one.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                yield f"{one.name}:{number}", raw
