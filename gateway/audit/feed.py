"""The audit feed: send each line of the audit trail to a FHIR server as an AuditEvent."""

import contextlib
import fcntl
import os
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from gateway.audit import chain
from gateway.audit.aside import SetAside
from gateway.audit.chain import START, ChainHead, Line
from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.fhir.repository import (
    REFUSED,
    TIMEOUT_S,
    NotTaken,
    Repository,
    RepositoryUnavailable,
)
from gateway.audit.follower import PlacedLine, TrailFollower
from gateway.audit.rotation import trails_in
from gateway.runtime.log import fault_logged, log
from gateway.settings.gateway import GatewaySettings

MOST = 20  # events per batch, which take 2 ms to convert while other threads wait
FAST_S = TIMEOUT_S / 4  # a batch of twice the size is sure to end in time
GROW_AFTER_S = 600.0  # seconds without larger batches after one that failed
POLL_S = 1.0
ADOPT_EVERY_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STOP_S = 3.0
JITTER = random.Random()  # noqa: S311 - spreads the retries of several gateways


class FeedReport(Protocol):
    """Callback for the number of lines just sent, refused by the server (`set_aside`) or lost, and
    for the age of the oldest waiting line."""

    def __call__(
        self, *, sent: int = 0, set_aside: int = 0, lost: int = 0, lag_s: float | None = None
    ) -> None: ...


class AuditFeed:
    """Sends lines in order and at least once, in its own thread, so that no request waits.

    Of all processes that write the trail, only the one with the lock sends. It also sends what
    other trails in the folder have left, if nobody holds theirs. An event that the server refuses,
    or that fails alone while the next one is taken, is set aside; any other failure is retried.
    """

    def __init__(
        self,
        follower: TrailFollower,
        repository: Repository,
        report: FeedReport,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._own = follower
        self._followers = [follower]
        self._repository = repository
        self._report = report
        self._most, self._grow_at = 1, 0.0
        self._first_pause_s = self._pause_s = first_pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-feed", daemon=True)
        self._problem = ""
        self.on_tampering: Callable[[str], None] = lambda _: None

    @classmethod
    def of(cls, settings: GatewaySettings, trail: Path, key: str, report: FeedReport) -> Self:
        """Build the feed of a trail; raises SettingsError."""
        follower = TrailFollower(trail, key)
        return cls(follower, Repository.of(settings), report)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Send the remaining lines for up to `STOP_S`; the next start sends the rest."""
        self._stopping.set()
        self._thread.join(STOP_S)

    def warnings(self) -> list[str]:
        waits = f"Audit events wait for MMHIE_AUDIT_FHIR_URL: {self._problem}."
        return [*([waits] if self._problem else []), *self._repository.warnings()]

    def _run(self) -> None:
        with contextlib.ExitStack() as lead, contextlib.closing(self._send_others()) as others:
            while not self._acquire_lead(lead):
                if self._stopping.is_set():  # tried once more: the sending process may have stopped
                    return
                self._stopping.wait(POLL_S)
            self._load(self._own)
            while not self._stopping.is_set():
                if not self._send_next(self._own) | next(others):
                    self._stopping.wait(self._choose_wait_s())
            while self._send_next(self._own):
                pass
            self._repository.close()

    def _acquire_lead(self, lead: contextlib.ExitStack) -> bool:
        """Try to become the process that sends; return whether it worked. Report a failing lock."""
        try:
            has_lock = acquire_lock(self._own.file, lead)
        except OSError as problem:
            self._fail(f"the lock beside the trail fails ({problem.strerror})")
            return False
        self._recover()
        return has_lock

    def _load(self, follower: TrailFollower) -> None:
        if not follower.load():
            self.on_tampering(f"{follower.file.name} was not written with MMHIE_AUDIT_KEY")

    def _send_others(self) -> Generator[bool]:
        """Send a batch of another trail in the folder at each step; yield whether more may be
        ready. A trail stays locked until all of it is sent."""
        mac = chain.new_mac(self._own.key)
        while True:
            due = time.monotonic() + ADOPT_EVERY_S
            for trail in trails_in(self._own.trail, mac):
                with contextlib.suppress(OSError), contextlib.ExitStack() as lock:
                    other = TrailFollower(trail, self._own.key)
                    if acquire_lock(other.file, lock):
                        yield from self._send_all(other)
            while time.monotonic() < due:
                yield False

    def _send_all(self, follower: TrailFollower) -> Iterator[bool]:
        self._load(follower)
        self._followers.append(follower)
        while (is_more := self._send_next(follower)) or follower.lag_s:
            yield is_more
        self._followers.remove(follower)

    def _choose_wait_s(self) -> float:
        """Return the pause before the next poll for lines, or before the retry after a failure."""
        return self._pause_s * JITTER.uniform(0.5, 1) if self._problem else POLL_S

    def _send_next(self, follower: TrailFollower) -> bool:
        """Send the next batch; return whether more lines may be ready."""
        with fault_logged("the audit feed failed and goes on", then=lambda: self._fail("a fault")):
            try:
                lines = follower.read(self._most)
                follower.lag_s = compute_age_s(lines[0][0]) if lines else 0.0
                self._report(lag_s=max(other.lag_s for other in self._followers))
                if lines:
                    self._send(follower, lines)
            except RepositoryUnavailable as problem:
                self._fail(str(problem))
            except OSError as problem:
                self._fail(str(problem.strerror))
            else:
                return bool(lines)
        return False

    def _send(self, follower: TrailFollower, lines: list[PlacedLine]) -> None:
        """Send lines, and save the position after the last one whose fate is known. If the fate of
        none is, a smaller batch is next, and after a single line those behind it are tried."""
        try:
            statuses = self._send_together(follower, lines)
        except NotTaken:
            self._most, self._grow_at = max(1, len(lines) // 2), time.monotonic() + GROW_AFTER_S
            if len(lines) > 1:
                return
            lines = follower.read(MOST)
            statuses = self._send_singly(lines)
            if not statuses:
                raise
        before = follower.place
        try:
            for (line, place), status in zip(lines, statuses, strict=False):
                is_final = is_taken(status) or len(lines) == 1
                self._count(follower, line, status if is_final else self._send_alone(line))
                follower.place = place
        finally:
            if follower.place != before:
                follower.save()
        self._recover()

    def _send_together(self, follower: TrailFollower, lines: Sequence[PlacedLine]) -> list[int]:
        """Return the statuses up to the last event that was taken or refused; raises NotTaken if
        there is none. What fails behind it may fail with the server, and comes again."""
        first, last = lines[0][0].head.seq, lines[-1][0].head.seq
        is_repeated, follower.tried = first <= follower.tried, max(follower.tried, last)
        began = time.monotonic()
        events = [audit_event(line.record) for line, _ in lines]
        statuses = self._repository.send(events, repeated=is_repeated)
        while statuses and not (is_taken(statuses[-1]) or statuses[-1] in REFUSED):
            failed = statuses.pop()
        if not statuses:
            raise NotTaken(f"it answers {failed} for each event")
        if time.monotonic() >= self._grow_at and time.monotonic() - began < FAST_S:
            self._most = min(MOST, 2 * self._most)
        return statuses

    def _send_singly(self, lines: Sequence[PlacedLine]) -> list[int]:
        """Send lines alone until one is taken or refused, which shows that the server works; return
        their statuses, or none if all fail."""
        statuses, until = list[int](), time.monotonic() + LONGEST_PAUSE_S
        for line, _ in lines:
            statuses.append(self._send_alone(line))
            if statuses[-1]:
                return statuses
            if self._stopping.is_set() or time.monotonic() > until:
                break
        return []

    def _send_alone(self, line: Line) -> int:
        """Return the status of an event that may have been sent before, 0 if it is not taken."""
        try:
            return self._repository.send([audit_event(line.record)], repeated=True)[0]
        except NotTaken:
            return 0

    def _count(self, follower: TrailFollower, line: Line, status: int) -> None:
        """Count a line as sent or set aside, and the lines missing before it as lost."""
        is_sent = is_taken(status)
        if not is_sent:
            SetAside(follower.trail, follower.key).add(line)
            why = f"the server answers {status}" if status else "it fails alone"
            log.error(
                "audit line %d of %s is set aside: %s", line.head.seq, follower.trail.name, why
            )
        self._report(
            sent=is_sent, set_aside=not is_sent, lost=count_lost(follower.place.head, line)
        )

    def _fail(self, problem: str) -> None:
        if not self._problem:
            log.error("audit events do not arrive at MMHIE_AUDIT_FHIR_URL: %s", problem)
        else:
            self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)
        self._problem = problem

    def _recover(self) -> None:
        if self._problem:
            log.warning("audit events arrive again")
        self._problem, self._pause_s = "", self._first_pause_s


def resend(trail: Path, key: str, repository: Repository) -> Iterator[tuple[Line, str]]:
    """Send what was set aside of a trail; yield each line with the server's problem, if any.

    Raises RepositoryUnavailable or OSError.
    """
    aside, sent = SetAside(trail, key), list[Line]()
    try:
        for line in aside.lines():
            problem = ""
            try:
                (status,) = repository.send([audit_event(line.record)], repeated=True)
            except NotTaken as failure:
                problem = str(failure)
            else:
                problem = "" if is_taken(status) else f"it answers {status}"
            if not problem:
                sent.append(line)
            yield line, problem
    finally:
        aside.remove(sent)


def is_taken(status: int) -> bool:
    return status // 100 == 2


def count_lost(known: ChainHead, line: Line) -> int:
    """Log and return how many lines before this one were removed or changed, and never sent."""
    seq = line.head.seq
    if known == START or seq == known.seq + 1:
        return 0
    if seq <= known.seq:
        log.error("the audit trail is another one than was sent before; all of it is sent")
        return 0
    log.error("audit lines %d to %d are gone and were not sent", known.seq + 1, seq - 1)
    return seq - known.seq - 1


def acquire_lock(file: Path, lead: contextlib.ExitStack) -> bool:
    """Try to lock a file beside `file` until `lead` is closed; return False if another process has
    the lock. Raises OSError if locking fails."""
    handle = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, handle)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lead.enter_context(opened.pop_all())
            return True
    return False


def compute_age_s(line: Line) -> float:
    """Return the seconds since the event of a line ended."""
    return max(0.0, time.time() - datetime.fromisoformat(line.record["time"]).timestamp())
