"""The audit feed: send each line of the audit trail to a FHIR server as an AuditEvent."""

import contextlib
import fcntl
import os
import random
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from gateway.audit.chain import START, Line
from gateway.audit.fhir.audit_event import audit_event
from gateway.audit.fhir.repository import REFUSED, Repository, RepositoryUnavailable
from gateway.audit.follower import FeedPlace, TrailFollower
from gateway.runtime.log import fault_logged, log
from gateway.settings.gateway import GatewaySettings

MOST = 20  # events per batch, which take 2 ms to convert while other threads wait
POLL_S = 1.0
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

    Of all processes that write the trail, only the one with the lock sends. An event that the
    server refuses is logged and skipped; it stays in the trail. Any other failure is retried.
    """

    def __init__(
        self,
        follower: TrailFollower,
        repository: Repository,
        report: FeedReport,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._follower = follower
        self._repository = repository
        self._report = report
        self._first_pause_s = self._pause_s = first_pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-feed", daemon=True)
        self._problem = ""

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
        with contextlib.ExitStack() as lead:
            while not self._acquire_lead(lead):
                if self._stopping.is_set():  # tried once more: the sending process may have stopped
                    return
                self._stopping.wait(POLL_S)
            self._follower.load()
            while self._send_next() or not self._stopping.wait(self._choose_wait_s()):
                pass
            while self._send_next():
                pass
            self._repository.close()

    def _acquire_lead(self, lead: contextlib.ExitStack) -> bool:
        """Try to become the process that sends; return whether it worked. Report a failing lock."""
        try:
            has_lock = acquire_lock(self._follower.file, lead)
        except OSError as problem:
            self._fail(f"the lock beside the trail fails ({problem.strerror})")
            return False
        self._recover()
        return has_lock

    def _choose_wait_s(self) -> float:
        """Return the pause before the next poll for lines, or before the retry after a failure."""
        return self._pause_s * JITTER.uniform(0.5, 1) if self._problem else POLL_S

    def _send_next(self) -> bool:
        """Send the next batch; return whether more lines may be ready."""
        with fault_logged("the audit feed failed and goes on", then=lambda: self._fail("a fault")):
            try:
                lines = self._follower.read(MOST)
                self._report(lag_s=compute_age_s(lines[0][0]) if lines else 0.0)
                self._send(lines)
            except RepositoryUnavailable as problem:
                self._fail(str(problem))
            except OSError as problem:
                self._fail(str(problem.strerror))
            else:
                self._recover()
                return bool(lines)
        return False

    def _send(self, lines: Sequence[tuple[Line, FeedPlace]]) -> None:
        """Send lines, and save the position after the last one that was sent or refused."""
        before = self._follower.place
        statuses = self._repository.send([audit_event(line.record) for line, _ in lines])
        try:
            for (line, place), status in zip(lines, statuses, strict=True):
                self._count(line, status)
                self._follower.place = place
                self._pause_s = self._first_pause_s
        finally:
            if self._follower.place != before:
                self._follower.save()

    def _count(self, line: Line, status: int) -> None:
        """Count a line as sent or refused, and the lines missing before it as lost.

        Raises RepositoryUnavailable for any other status.
        """
        is_refused = status in REFUSED
        if not is_refused and status // 100 != 2:
            raise RepositoryUnavailable(f"it answers {status}")
        if is_refused:
            log.error("audit line %d is set aside: the server answers %d", line.head.seq, status)
        self._report(sent=not is_refused, set_aside=is_refused, lost=self._count_lost(line))

    def _count_lost(self, line: Line) -> int:
        """Log and return how many lines before this one were removed or changed, and never sent."""
        known, seq = self._follower.place.head, line.head.seq
        if known == START or seq == known.seq + 1:
            return 0
        if seq <= known.seq:
            log.error("the audit trail is another one than was sent before; all of it is sent")
            return 0
        log.error("audit lines %d to %d are gone and were not sent", known.seq + 1, seq - 1)
        return seq - known.seq - 1

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
