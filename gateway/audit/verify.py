"""Verify a trail: find edits, deletions, reorderings, cuts and other keys, each with its place."""

import contextlib
import hmac
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Literal

import orjson

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead, Line
from gateway.audit.file import lock_of, lock_trail
from gateway.audit.rotation import rotated_files
from gateway.runtime.json_types import Json

Kind = Literal["edited", "deleted", "reordered", "rewritten", "cut", "torn", "wrong key", "missing"]
MOST_LISTED = 1000
WRITTEN = re.compile(r"(\d+):([0-9a-f]{64})")
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


class Verifier:
    """Checks a trail line by line. Lines are matched by their own numbers, so that one fault is one
    finding, not a cascade."""

    def __init__(self, mac: hmac.HMAC, checkpoints: Iterable[ChainHead] = ()) -> None:
        self.report = Report()
        self._mac = mac
        self._checkpoints: defaultdict[int, set[str]] = defaultdict(set)
        for head in checkpoints:
            self._checkpoints[head.seq].add(head.mac)
        self._missing: list[MissingLines] = []
        self._last: Line | None = None
        self._where = "the beginning"

    def feed(self, where: str, raw: bytes) -> None:
        """Verify one line, with its newline."""
        self.report.lines += 1
        line = chain.parse_line(raw.removesuffix(b"\n"), self._mac)
        if line is None or not raw.endswith(b"\n"):
            self._unreadable(where)
            return
        self._where = where
        self.report.genuine += line.is_genuine
        if not line.is_genuine:
            self._find("edited", where, f"line {line.head.seq} is not what was written")
        self._check_order(where, line)
        self._check_checkpoint(where, line)
        if line.is_genuine and line.record.get("kind") == "tampered":
            self._report_tampering(where, line.record)

    def _report_tampering(self, where: str, record: Json) -> None:
        """Report tampering that a running gateway recorded."""
        what, last = record.get("what"), record.get("known_seq")
        self._find("rewritten", where, f"the trail had {what}; line {last} had been its last")

    def _unreadable(self, where: str) -> None:
        self._find("torn", where, f"what should be line {self.report.head.seq + 1} is no line")
        self.report.head = ChainHead(self.report.head.seq + 1, "")
        self._last = None

    def _check_order(self, where: str, line: Line) -> None:
        expected = self.report.head.seq + 1
        # What an edited line says of its number proves nothing: it stands where it stands.
        seq = line.head.seq if line.is_genuine or not self.report.first else expected
        if not self.report.first:
            self.report.first = expected = seq
        if seq < expected:
            self._out_of_order(where, seq)
            return
        if seq > expected:
            self._missing.append(MissingLines(expected, seq - 1, where))
        else:
            self._check_link(where, line)
        self.report.head, self._last = ChainHead(seq, line.head.mac), line

    def _out_of_order(self, where: str, seq: int) -> None:
        moved = any(gap.first <= seq <= gap.last for gap in self._missing)
        self._missing = [part for gap in self._missing for part in gap.without(seq)]
        what = "comes after later ones" if moved else "is here a second time"
        self._find("reordered", where, f"line {seq} {what}")

    def _check_link(self, where: str, line: Line) -> None:
        """Report a line that was written after another predecessor: by somebody with the key."""
        before = START.mac if line.head.seq == 1 else self._last and self._last.head.mac
        genuine = line.is_genuine and (self._last is None or self._last.is_genuine)
        if before is not None and genuine and line.prev != before:
            self._find("rewritten", where, f"line {line.head.seq} was written after another line")

    def _check_checkpoint(self, where: str, line: Line) -> None:
        macs = self._checkpoints.pop(line.head.seq, set())
        if macs - {line.head.mac}:  # two checkpoints that differ, too: the trail was rolled back
            self._find("rewritten", where, f"line {line.head.seq} is not the checkpoint's")

    def end(self, *, archived: bool) -> Report:
        """Return the report; `archived` when earlier files were moved away on purpose."""
        report = self.report
        self._report_missing()
        if report.first > 1 and not archived:
            self._find("missing", "the beginning", f"the lines before {report.first} are not here")
        latest = max(self._checkpoints, default=0)
        if latest > report.head.seq:
            what = f"lines {report.head.seq + 1} to {latest}, known by a checkpoint, are gone"
            self._find("cut", self._where, what)
        if report.lines and not report.genuine:
            what = f"none of {report.lines} lines was written with this key"
            report.findings = [Violation("wrong key", "everywhere", what)]
        return report

    def _report_missing(self) -> None:
        for gap in self._missing:
            is_single = gap.first == gap.last
            what = f"line {gap.first} is" if is_single else f"lines {gap.first} to {gap.last} are"
            self._find("deleted", gap.where, f"{what} missing before this one")

    def _find(self, kind: Kind, where: str, what: str) -> None:
        if len(self.report.findings) < MOST_LISTED:
            self.report.findings.append(Violation(kind, where, what))


def verify(
    path: Path,
    *,
    key: str,
    checkpoints: Iterable[ChainHead] = (),
    archived: bool = False,
    seen: Callable[[int], object] = id,
) -> Report:
    """Verify a whole trail, rotated files first; call `seen` with the size of each line.

    Raises OSError.
    """
    verifier = Verifier(chain.new_mac(key), checkpoints)
    for where, raw in lines_of(path):
        verifier.feed(where, raw)
        seen(len(raw))
    return verifier.end(archived=archived)


def lines_of(path: Path) -> Iterator[Numbered]:
    """Yield every line of a trail in order, each with its place, while a gateway may write and
    rotate it."""
    rotated, trail = files_of(path)
    with trail or contextlib.nullcontext():
        for earlier in rotated:
            with earlier.open("rb") as file:
                yield from number_lines(earlier, file)
        if trail is not None:
            yield from number_lines(path, trail)


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


def checkpoints_in(text: str) -> list[ChainHead]:
    """Parse `seq:mac`, or find the checkpoints in a log file; raise ValueError or OSError."""
    if written := WRITTEN.fullmatch(text.strip()):
        return [ChainHead(int(written[1]), written[2])]
    lines = Path(text).read_bytes().splitlines()
    heads = [head for line in lines if (head := checkpoint_in(line))]
    if not heads:
        raise ValueError("there is no checkpoint in it")
    return heads


def checkpoint_in(line: bytes) -> ChainHead | None:
    """Return the checkpoint in a log line, whatever a log collector put before it."""
    start = line.find(b"{")
    if start < 0 or b"audit_checkpoint" not in line:
        return None
    try:
        fields = orjson.loads(line[start:])
        return ChainHead(int(fields["seq"]), str(fields["mac"]), str(fields.get("file", "")))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
