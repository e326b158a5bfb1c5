"""Verify a trail: find edits, deletions, reorderings, cuts and other keys, each with its place."""

import contextlib
import hmac
import multiprocessing
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead, Line
from gateway.audit.file import lock_of, lock_trail
from gateway.audit.rotation import rotated_files
from gateway.runtime.json_types import Json

Kind = Literal["edited", "deleted", "reordered", "rewritten", "cut", "torn", "wrong key", "missing"]
MOST_LISTED = 1000
LARGE_BYTES = 10 * 1024 * 1024  # of files that are worth a process
CHAINED = re.compile(rb'{"seq":(\d+),"prev":"([0-9a-f]{64})",')
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


@dataclass(frozen=True, slots=True)
class IntactFile:
    """A file of genuine lines without a gap: its number of lines, what its first line follows, its
    last line, and the MACs of lines that are known by a checkpoint."""

    lines: int
    before: ChainHead
    last: Line
    known: dict[int, str]


ReadFile = Callable[[Path], IntactFile | None]


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

    def take(self, where: str, file: IntactFile) -> bool:
        """Take a file as verified; return False if its lines have to be verified here."""
        report = self.report
        is_first = not report.first and file.before.seq > 0
        is_known = all(self._checkpoints[seq] == {mac} for seq, mac in file.known.items())
        if not is_known or not (is_first or file.before == report.head):
            return False
        for seq in file.known:
            del self._checkpoints[seq]
        report.first = report.first or file.before.seq + 1
        report.lines += file.lines
        report.genuine += file.lines
        report.head, self._last = file.last.head, file.last
        self._where = f"{where}:{file.lines}"
        return True

    def _report_tampering(self, where: str, record: Json) -> None:
        """Report tampering that a running gateway recorded."""
        what, last = record.get("what"), record.get("known_seq")
        self._find("rewritten", where, f"the trail had {what}; line {last} had been its last")

    def read(self, path: Path, file: BinaryIO) -> None:
        """Verify the lines of a file."""
        for where, raw in number_lines(path, file):
            self.feed(where, raw)

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
    seen: Callable[[Path], object] = id,
) -> Report:
    """Verify a whole trail, rotated files first, while a gateway may write and rotate it; call
    `seen` after each file.

    Raises OSError.
    """
    known = tuple(checkpoints)
    verifier = Verifier(chain.new_mac(key), known)
    read_file = partial(read_intact_file, key=key, wanted=frozenset(head.seq for head in known))
    rotated, trail = files_of(path)
    with contextlib.ExitStack() as opened:
        if trail is not None:
            opened.enter_context(trail)
        for earlier, intact in zip(rotated, read_files(rotated, read_file, opened), strict=True):
            if intact is None or not verifier.take(earlier.name, intact):
                with earlier.open("rb") as file:
                    verifier.read(earlier, file)
            seen(earlier)
        if trail is not None:
            verifier.read(path, trail)
            seen(path)
    return verifier.end(archived=archived)


def read_files(
    files: Sequence[Path], read: ReadFile, opened: contextlib.ExitStack
) -> Iterator[IntactFile | None]:
    """Read files one after another; large ones with as many processes as there are processors."""
    if sum(file.stat().st_size for file in files) < LARGE_BYTES:
        return map(read, files)
    processes = min(len(files), len(os.sched_getaffinity(0)))
    # A fork shares the memory of this process, in which no thread runs yet.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"))
    return opened.enter_context(pool).map(read, files)


def read_intact_file(path: Path, key: str, wanted: Set[int]) -> IntactFile | None:
    """Return a file whose lines are genuine and linked, and report nothing; else None. Of lines
    with a wanted number it has the MACs."""
    mac, lines, raw, known = chain.new_mac(key), 0, b"", dict[int, str]()
    before = head = START
    with path.open("rb") as file:
        for raw in file:
            link = parse_link(raw, mac)
            if link is None or (lines and link[0] != head) or TAMPERED in raw:
                return None
            before, head, lines = before if lines else link[0], link[1], lines + 1
            if head.seq in wanted:
                known[head.seq] = head.mac
    last = chain.parse_line(raw.removesuffix(b"\n"), mac)
    return IntactFile(lines, before, last, known) if last is not None else None


def parse_link(raw: bytes, mac: hmac.HMAC) -> tuple[ChainHead, ChainHead] | None:
    """Return what a genuine line follows, and its own head: a quarter of the time of parsing it."""
    start = CHAINED.match(raw)
    if start is None:
        return None
    seq = int(start[1])
    head = ChainHead(seq, chain.compute_mac(raw[: -chain.TAIL - 1] + b"}", mac))
    return (
        (ChainHead(seq - 1, start[2].decode()), head)
        if raw.endswith(chain.end_of_line(head))
        else None
    )


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
