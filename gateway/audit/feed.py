"""The audit feed: send each line of the audit trail to a FHIR server as an AuditEvent."""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from gateway.audit import chain
from gateway.audit.chain import START, ChainHead, Line
from gateway.audit.fhir.client_credentials import RepositoryUnavailable
from gateway.audit.fhir.repository import NotTaken, Repository
from gateway.audit.file import lock_beside
from gateway.audit.follower import PlacedLine, TrailFollower
from gateway.audit.rotation import Place, trails_in
from gateway.runtime.log import fault_logged, log
from gateway.settings.gateway import GatewaySettings

MOST = 50  # lines that are read at once
POLL_S = 1.0
ADOPT_EVERY_S = 10.0
RESEND_EVERY_S = 3600.0
PAUSE_S = 10.0  # after a failure
ROUND_S = 60.0
STOP_S = 3.0


Count = Callable[[str, int], None]  # of lines that were `sent`, `set_aside` or `lost`


class AuditFeed:
    """Sends lines in order and at least once, in its own thread, so that no request waits.

    Of all processes that write the trail, only the one with the lock sends. It also sends what
    other trails in the folder have left, if nobody holds theirs. An event that the server refuses,
    or that fails twice while a later one is taken, is set aside, and tried again every hour; any
    other failure is retried soon.
    """

    def __init__(
        self,
        follower: TrailFollower,
        repository: Repository,
        count: Count,
        *,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._own = follower
        self._repository = repository
        self._count = count
        self._pause_s = pause_s
        self._lags: dict[Path, float] = {}
        self.lag_s = 0.0  # the age of the oldest waiting line
        self._next_adoption = self._next_resend = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-feed", daemon=True)
        self._problem = ""
        self.on_tampering: Callable[[str], None] = lambda _: None

    @classmethod
    def of(cls, settings: GatewaySettings, trail: Path, key: str, count: Count) -> Self:
        """Build the feed of a trail; raises SettingsError."""
        return cls(TrailFollower(trail, key), Repository.of(settings), count)

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
            self._load(self._own)
            while not self._stopping.is_set():
                if not self._send_next(self._own):
                    self._send_others()
                    self._stopping.wait(self._pause_s if self._problem else POLL_S)
            while self._send_next(self._own):
                pass
            self._repository.close()

    def _acquire_lead(self, lead: contextlib.ExitStack) -> bool:
        """Try to become the process that sends; return whether it worked. Report a failing lock."""
        try:
            lead.enter_context(lock_beside(self._own.file, wait_s=0))
        except BlockingIOError:
            self._recover()
            return False
        except OSError as problem:
            self._fail(f"the lock beside the trail fails ({problem.strerror})")
            return False
        self._recover()
        return True

    def _load(self, follower: TrailFollower) -> None:
        if not follower.load():
            self.on_tampering(f"{follower.file.name} was not written with MMHIE_AUDIT_KEY")

    def _send_others(self) -> None:
        """Send what other trails in the folder have left, in turns with the own one; every hour
        what was set aside, too."""
        now = time.monotonic()
        if now < self._next_adoption:
            return
        self._next_adoption, is_hourly = now + ADOPT_EVERY_S, now >= self._next_resend
        self._lags.clear()
        if is_hourly:
            self._next_resend = now + RESEND_EVERY_S
            self._resend(self._own)
        for trail in trails_in(self._own.trail, chain.new_mac(self._own.key)):
            other = TrailFollower(trail, self._own.key)
            with contextlib.suppress(OSError), lock_beside(other.file, wait_s=0):
                self._load(other)
                while self._send_next(other) and not self._stopping.is_set():
                    self._send_next(self._own)
                if is_hourly:
                    self._resend(other)

    def _resend(self, follower: TrailFollower) -> None:
        """Send what was set aside, in turns with the own trail."""
        sent = set[bytes]()
        with contextlib.suppress(OSError, RepositoryUnavailable):
            try:
                for line in follower.lines_aside():
                    if not self._stopping.is_set() and is_taken(self._send_again(line)):
                        sent.add(line.raw)
                    self._send_next(self._own)
            finally:
                follower.remove_aside(sent)
        self._count("sent", len(sent))

    def _send_next(self, follower: TrailFollower) -> bool:
        """Send the next lines; return whether more may be ready."""
        with fault_logged("the audit feed failed and goes on", then=lambda: self._fail("a fault")):
            try:
                lines = follower.read(MOST)
                self._lags[follower.trail] = compute_age_s(lines[0][0]) if lines else 0.0
                self.lag_s = max(self._lags.values())
                self._send(follower, lines)
            except RepositoryUnavailable as problem:
                self._fail(str(problem))
            except OSError as problem:
                self._fail(str(problem.strerror))
            else:
                return bool(lines)
        return False

    def _send(self, follower: TrailFollower, lines: list[PlacedLine]) -> None:
        """Send lines, and save the position after the last one whose fate is known. Those that fail
        wait for a later one that is taken or refused, which shows that the server works."""
        failed, problem, before = list[PlacedLine](), NotTaken(), follower.place
        until = time.monotonic() + ROUND_S
        try:
            for line, place in lines:
                if failed and (self._stopping.is_set() or time.monotonic() > until):
                    break
                try:
                    status = self._send_line(follower, line)
                except NotTaken as failure:
                    failed.append((line, place))
                    problem = failure
                    continue
                for earlier, its_place in failed:
                    self._settle(follower, earlier, its_place, self._send_again(earlier))
                self._settle(follower, line, place, status)
                failed.clear()
                self._recover()
        finally:
            if follower.place != before:
                follower.save()
        if failed:
            raise problem

    def _send_line(self, follower: TrailFollower, line: Line) -> int:
        seq = line.head.seq
        is_repeated, follower.tried = seq <= follower.tried, max(follower.tried, seq)
        return self._repository.send(line.record, repeated=is_repeated)

    def _send_again(self, line: Line) -> int:
        """Return the status of an event that failed before, 0 if it fails again."""
        try:
            return self._repository.send(line.record, repeated=True)
        except NotTaken:
            return 0

    def _settle(self, follower: TrailFollower, line: Line, place: Place, status: int) -> None:
        """Count a line as sent or set aside, and the lines missing before it as lost."""
        is_sent = is_taken(status)
        if not is_sent:
            follower.set_aside(line)
            why = f"the server answers {status}" if status else "it fails alone"
            seq, name = line.head.seq, follower.trail.name
            log.error("audit line %d of %s is set aside: %s", seq, name, why)
        lost = count_lost(follower.place.head, line)
        self._count("lost", lost)
        self._count("sent" if is_sent else "set_aside", 1)
        follower.place = place

    def _fail(self, problem: str) -> None:
        if not self._problem:
            log.error("audit events do not arrive at MMHIE_AUDIT_FHIR_URL: %s", problem)
        self._problem = problem

    def _recover(self) -> None:
        if self._problem:
            log.warning("audit events arrive again")
        self._problem = ""


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


def compute_age_s(line: Line) -> float:
    return max(0.0, time.time() - datetime.fromisoformat(line.record["time"]).timestamp())
