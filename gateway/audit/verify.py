"""Verify a trail: find edits, deletions, reorderings, cuts and other keys, each with its place."""

import contextlib
import hmac
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead, Line
from gateway.audit.file import lock_of, lock_trail
from gateway.audit.rotation import rotated_files

Kind = Literal["edited", "deleted", "reordered", "rewritten", "cut", "torn", "wrong key", "missing"]
MOST_LISTED = 1000
LARGE_BYTES = 10 * 1024 * 1024  # of files that are worth a process
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
    """The result of a verification: of a file, or of a trail. `before` is what its first line
    follows."""

    lines: int = 0
    genuine: int = 0
    first: int = 0
    before: ChainHead = START
    head: ChainHead = START
    findings: list[Violation] = field(default_factory=list)

    def find(self, kind: Kind, where: str, what: str) -> None:
        if len(self.findings) < MOST_LISTED:
            self.findings.append(Violation(kind, where, what))

    def append(self, file: str, other: "Report") -> None:
        """Take the report of the next file, and compare where the two meet."""
        where, after = f"{file}:1", self.head.seq + 1
        if not other.first and other.lines:  # no genuine line says which numbers these have
            other.first, other.head = after, ChainHead(after + other.lines - 1, "")
        if other.lines and (self.lines or other.first == 1):
            if other.first > after:
                self.find("deleted", where, describe_missing(after, other.first - 1))
            elif other.first < after:
                self.find("reordered", where, f"line {other.first} is here a second time")
            elif other.before.mac and self.head.mac and other.before.mac != self.head.mac:
                self.find("rewritten", where, f"line {after} was written after another line")
        for finding in other.findings:
            self.find(finding.kind, finding.where, finding.what)
        if other.lines:
            self.first, self.head = self.first or other.first, other.head
        self.lines, self.genuine = self.lines + other.lines, self.genuine + other.genuine


class Verifier:
    """Checks a file line by line. Lines are matched by their own numbers, so that one fault is one
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
        line = chain.parse_line(raw.removesuffix(b"\n"), self._mac)
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
            report.first, report.before = seq - report.lines + 1, ChainHead(seq - 1, "")
            if report.lines == 1:
                report.before = ChainHead(seq - 1, line.prev)
            report.head = report.before
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
    known, report = tuple(checkpoints), Report()
    rotated, trail = files_of(path)
    with contextlib.ExitStack() as opened:
        if trail is not None:
            opened.enter_context(trail)
        read = partial(verify_file, key=key, checkpoints=known)
        for file, other in zip(rotated, map_files(read, rotated, opened), strict=True):
            report.append(file.name, other)
        if trail is not None:
            verifier = Verifier(chain.new_mac(key), known)
            report.append(path.name, verifier.read(number_lines(path, trail)))
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


def map_files(
    read: "partial[Report]", files: Sequence[Path], opened: contextlib.ExitStack
) -> Iterator[Report]:
    """Read files one after another; large ones with as many processes as there are processors."""
    if sum(file.stat().st_size for file in files) < LARGE_BYTES:
        return map(read, files)
    processes = min(len(files), len(os.sched_getaffinity(0)))
    # A fork shares the memory of this process, in which no thread runs yet.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"))
    return opened.enter_context(pool).map(read, files)


def verify_file(path: Path, key: str, checkpoints: Sequence[ChainHead]) -> Report:
    with path.open("rb") as file:
        return Verifier(chain.new_mac(key), checkpoints).read(number_lines(path, file))


def files_of(path: Path) -> tuple[list[Path], BinaryIO | None]:
    """Return the rotated files and the open current one; None if a rotation was interrupted by a
    crash."""
    rotated = rotated_files(path)
    try:
        trail = path.open("rb")
    except FileNotFoundError:
        if not rotated:
            raise
        trail = None
    if rotated_files(path) == rotated:
        return rotated, trail
    if trail is not None:
        trail.close()
    return files_of(path)


def number_lines(path: Path, file: BinaryIO) -> Iterator[Numbered]:
    """Yield the lines of a file; the last may be half written at the moment."""
    for number, line in enumerate(file, start=1):
        whole = line if line.endswith(b"\n") else line + rest_of_line(path, file)
        yield f"{path.name}:{number}", whole


def rest_of_line(trail: Path, file: BinaryIO) -> bytes:
    """Wait for the writer to complete a line, and return the rest. A copy of a trail has no lock
    file, and gets none: it could block a gateway of another account."""
    if lock_of(trail).exists():
        with contextlib.suppress(OSError), lock_trail(trail):
            return file.readline()
    return b""
