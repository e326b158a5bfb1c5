"""Verify a trail: find edits, deletions, reorderings, cuts and other keys, each with its place."""

import contextlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Literal

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead, Line
from gateway.audit.file import lock_beside, lock_of
from gateway.audit.rotation import LONGEST_LINE, open_newest, read_files, read_lines

Kind = Literal["edited", "deleted", "reordered", "rewritten", "cut", "torn", "wrong key", "missing"]
MOST_LISTED = 1000
TAMPERED = b'"kind":"tampered"'
Numbered = tuple[str, bytes]  # "file:line", and the line with its newline


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of the chain and its place."""

    kind: Kind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.what}"


@dataclass(frozen=True, slots=True)
class MissingLines:
    """A range of missing lines, and the place of the line that came instead."""

    first: int
    last: int
    where: str

    def without(self, seq: int) -> list["MissingLines"]:
        """Return what is still missing when one of them comes after all."""
        if not self.first <= seq <= self.last:
            return [self]
        before, after = replace(self, last=seq - 1), replace(self, first=seq + 1)
        return [side for side in (before, after) if side.first <= side.last]


@dataclass(slots=True)
class Report:
    """The result of a verification."""

    lines: int = 0
    genuine: int = 0
    first: int = 0
    head: ChainHead = START
    findings: list[Violation] = field(default_factory=list)

    def find(self, kind: Kind, where: str, what: str) -> None:
        if len(self.findings) < MOST_LISTED:
            self.findings.append(Violation(kind, where, what))


class Verifier:
    """Checks a trail line by line. Lines are matched by their own numbers, so that one fault is one
    finding, not a cascade."""

    def __init__(self, mac: hmac.HMAC, checkpoints: Iterable[ChainHead] = ()) -> None:
        self.report = Report()
        self._mac = mac
        self._checkpoints: dict[int, set[str]] = {}
        for head in checkpoints:
            self._checkpoints.setdefault(head.seq, set()).add(head.mac)
        self._missing: list[MissingLines] = []
        self._last: Line | None = None

    def read(self, lines: Iterable[Numbered]) -> Report:
        for where, raw in lines:
            self._read_line(where, raw)
        for gap in self._missing:
            self.report.find("deleted", gap.where, describe_missing(gap.first, gap.last))
        return self.report

    def _read_line(self, where: str, raw: bytes) -> None:
        report = self.report
        report.lines += 1
        line = chain.parse_line(raw, self._mac)
        expected = report.head.seq + 1
        if line is None or not raw.endswith(b"\n"):
            report.find("torn", where, "it is no whole line of a trail")
            report.head, self._last = ChainHead(expected, ""), None
        elif not line.is_genuine:
            # What an edited line says of its number proves nothing: it stands where it stands.
            report.find("edited", where, f"line {line.head.seq} is not what was written")
            report.head, self._last = ChainHead(expected, line.head.mac), line
        else:
            report.genuine += 1
            self._check_order(where, line)
            self._check_checkpoint(where, line.head)
            if TAMPERED in raw and line.record.get("kind") == "tampered":
                what, last = line.record.get("what"), line.record.get("known_seq")
                report.find("rewritten", where, f"the trail had {what}; line {last} was its last")

    def _check_order(self, where: str, line: Line) -> None:
        report, seq = self.report, line.head.seq
        if not report.first:
            report.first, report.head = seq - report.lines + 1, ChainHead(seq - 1, "")
        if seq <= report.head.seq:
            if len(report.findings) >= MOST_LISTED:  # else every line would look at every gap
                return
            moved = any(gap.first <= seq <= gap.last for gap in self._missing)
            self._missing = [part for gap in self._missing for part in gap.without(seq)]
            what = "comes after later ones" if moved else "is here a second time"
            report.find("reordered", where, f"line {seq} {what}")
            return
        if seq > report.head.seq + 1:
            if len(self._missing) < MOST_LISTED:
                self._missing.append(MissingLines(report.head.seq + 1, seq - 1, where))
        elif self._last and self._last.is_genuine and line.prev != self._last.head.mac:
            report.find("rewritten", where, f"line {seq} was written after another line")
        report.head, self._last = line.head, line

    def _check_checkpoint(self, where: str, head: ChainHead) -> None:
        # Two checkpoints that differ, too: the trail was rolled back.
        if self._checkpoints.get(head.seq, set()) - {head.mac}:
            self.report.find("rewritten", where, f"line {head.seq} is not the checkpoint's")


def describe_missing(first: int, last: int) -> str:
    lines = f"line {first} is" if first == last else f"lines {first} to {last} are"
    return f"{lines} missing before this one"


def verify(
    path: Path, *, key: str, checkpoints: Iterable[ChainHead] = (), archived: bool = False
) -> Report:
    """Verify a whole trail, rotated files first, while a gateway may write and rotate it;
    `archived` when earlier files were moved away on purpose. Raises OSError."""
    known = tuple(checkpoints)
    with open_newest(path) as newest:
        report = Verifier(chain.new_mac(key), known).read(number_lines(path, newest))
    check_ends(report, known, archived=archived)
    return report


def check_ends(report: Report, known: Iterable[ChainHead], *, archived: bool) -> None:
    if report.first > 1 and not archived:
        what = f"the lines before {report.first} are not here"
        report.find("missing", "the beginning", what)
    latest, last = max((head.seq for head in known), default=0), report.head.seq
    if latest > last:
        what = f"lines {last + 1} to {latest}, known by a checkpoint, are gone"
        report.find("cut", f"line {last}", what)
    if report.lines and not report.genuine:
        what = f"none of {report.lines} lines was written with this key"
        report.findings = [Violation("wrong key", "everywhere", what)]


def number_lines(trail: Path, newest: BinaryIO) -> Iterator[Numbered]:
    """Yield the lines of a trail; the last may be half written at the moment."""
    for file in read_files(trail, newest):
        name = Path(file.name).name
        for number, line in enumerate(read_lines(file), start=1):
            is_whole = line.endswith(b"\n") or len(line) == LONGEST_LINE
            whole = line if is_whole else line + rest_of_line(trail, file)
            yield f"{name}:{number}", whole


def rest_of_line(trail: Path, file: BinaryIO) -> bytes:
    """Wait for the writer to complete a line, and return the rest. A copy of a trail has no lock
    file, and gets none: it could block a gateway of another account."""
    if lock_of(trail).exists():
        with contextlib.suppress(OSError), lock_beside(trail):
            return file.readline(LONGEST_LINE)
    return b""
