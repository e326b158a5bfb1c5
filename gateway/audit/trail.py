"""The trail as the gateway sees it: `note` costs an append; a thread writes, batch by batch."""

import contextlib
import errno
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson

from gateway.audit import entry
from gateway.audit.chain import Head
from gateway.audit.file import (
    SYNC_EVERY_S,
    AuditFile,
    ChainBroken,
    event,
    rfc3339_now,
    tail_of,
)
from gateway.audit.inflight_journal import InflightJournal, left_behind
from gateway.errors import AuditUnavailable
from gateway.http.exchange import Exchange
from gateway.logs import log

BATCH_S = 0.05  # a line is written within twice this
RETRY_S = 1.0
MOST_PENDING = 100_000
MOST_PER_BATCH = 2_000
STOP_S = 5.0
STUCK_S = 5.0  # a write that takes longer is no write: the disk hangs

OnFailure = Literal["refuse", "serve"]
Alarm = Callable[[bool, int], None]


class Trail:
    """No trail: nothing is noted."""

    def open(self, exchange: Exchange) -> None:
        """Remember a request whose answer is begun: if the process is killed, it is accounted for
        at the next start."""

    def record(self, exchange: Exchange, route: str) -> None:
        """Keep what one request has come to; `route` is a path of ours, never the caller's."""

    def refuses(self) -> bool:
        """Whether nothing may be served now."""
        return False

    def check(self) -> None:
        """Raises AuditUnavailable when nothing may be served now."""

    def warnings(self) -> list[str]:
        return []

    def start(self) -> None:
        """Begin to write."""

    def stop(self) -> None:
        """Write what is left."""


class WrittenTrail(Trail):
    """Entries wait in memory until they are on disk; while that fails they are kept and tried
    again, so a short failure loses nothing."""

    def __init__(
        self,
        file: AuditFile,
        *,
        on_failure: OnFailure,
        checkpoint_s: float,
        alarm: Alarm,
        version: str,
    ) -> None:
        self._file = file
        self._on_failure = on_failure
        self._checkpoint_s = checkpoint_s
        self._alarm = alarm
        self._version = version
        self._pending: deque[entry.Entry] = deque()
        self._events: list[dict[str, Any]] = []
        self._lost = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._checkpointed = Head(-1, "")
        self._next_checkpoint = 0.0
        self._writing_since: float | None = None
        self._register: InflightJournal | None = None
        self.failing = False

    def open(self, exchange: Exchange) -> None:
        if self._register is not None:
            exchange.slot = self._register.enter(entry.opened(exchange, time.time()))

    def record(self, exchange: Exchange, route: str) -> None:
        if len(self._pending) >= MOST_PENDING:
            self._lost += 1
            self._forget(exchange.slot)
            return
        self._pending.append(entry.of(exchange, route, time.time()))
        if not self._wake.is_set():
            self._wake.set()

    def refuses(self) -> bool:
        return self._on_failure == "refuse" and self._is_out()

    def check(self) -> None:
        if self.refuses():
            raise AuditUnavailable(
                "The audit trail cannot be written, and nothing is answered without it; the "
                "operator was told.",
                retry_after_s=5,
            )

    def warnings(self) -> list[str]:
        return ["The audit trail cannot be written."] if self._is_out() else []

    def _is_out(self) -> bool:
        """Whether lines do not reach the disk: refused there, or for too long on their way. The
        thread that hangs in a write cannot say so itself."""
        since = self._writing_since
        if not self.failing and since is not None and time.monotonic() - since > STUCK_S:
            self._fail(TimeoutError(errno.ETIMEDOUT, "the disk does not answer"))
        return self.failing

    def start(self) -> None:
        """Try the file before the first request comes in."""
        self._events.append(event("start", gateway_version=self._version))
        left = list(left_behind(self._file.path))
        self._events += unfinished(left, self._file.path)
        self._flush()
        for path, _ in left if not self.failing else ():
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # no room: then a kill is told by nothing but `start`
            self._register = InflightJournal(self._file.path)
        self._checkpoint()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        try:
            self._write_on()
        except Exception:  # a writer that died of a fault of ours must not look like a quiet one
            log.exception("fault")
            self.failing = True
            self._alarm(True, self._lost)

    def _write_on(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._nap_s())
            self._stopping.wait(RETRY_S if self.failing else BATCH_S)
            self._wake.clear()
            self._flush()
            self._settle()
            if time.monotonic() >= self._next_checkpoint:
                self._checkpoint()
        self._close()

    def _nap_s(self) -> float:
        """How long to sleep when nobody asks for anything."""
        if self.failing:
            return RETRY_S
        return min(self._checkpoint_s, SYNC_EVERY_S) if self._file.owes_sync else self._checkpoint_s

    def _settle(self) -> None:
        """The last lines before a quiet time are forced to the disk as all others."""
        try:
            with self._watched():
                self._file.sync_when_due()
        except OSError as problem:
            self._fail(problem)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Let others see that the disk is being asked, and since when."""
        self._writing_since = time.monotonic()
        try:
            yield
        finally:
            self._writing_since = None

    def _flush(self) -> None:
        """Write what waits; what cannot be written waits on."""
        while self._pending or self._events or self.failing:
            batch = [
                self._pending.popleft() for _ in range(min(len(self._pending), MOST_PER_BATCH))
            ]
            if not self._write(batch):
                self._pending.extendleft(reversed(batch))
                return

    def _write(self, batch: list[entry.Entry]) -> bool:
        events, lost = list(self._events), self._lost
        gap = [event("gap", lost=lost)] if lost else []
        back = [event("resumed")] if self.failing else []
        try:
            with self._watched():
                self._file.append([*events, *back, *gap, *entry.records(batch)])
        except (OSError, ChainBroken) as problem:
            self._fail(problem)
            return False
        del self._events[: len(events)]
        for written in batch:
            self._forget(written.slot)
        self._lost -= lost
        self._recover()
        return True

    def _forget(self, slot: int) -> None:
        if self._register is not None:
            self._register.leave(slot)

    def _fail(self, problem: Exception) -> None:
        if not self.failing:
            reason = problem.strerror if isinstance(problem, OSError) else "its chain is broken"
            log.error("audit trail cannot be written: %s", reason)
        self.failing = True
        self._alarm(True, self._lost)

    def _recover(self) -> None:
        if self.failing:
            log.warning("audit trail is written again")
            self._alarm(False, self._lost)
        self.failing = False

    def _checkpoint(self) -> None:
        """Say where the chain is, outside of the file: what tells that its end was cut off."""
        self._next_checkpoint = time.monotonic() + self._checkpoint_s
        head = self._file.head
        if head == self._checkpointed or self.failing:
            return
        self._checkpointed = head
        line = {
            "time": rfc3339_now(),
            "event": "audit_checkpoint",
            "seq": head.seq,
            "mac": head.mac,
        }
        with contextlib.suppress(OSError, ValueError):  # nobody reads standard output
            sys.stdout.write(orjson.dumps(line).decode() + "\n")
            sys.stdout.flush()

    def _close(self) -> None:
        self._flush()
        self._events.append(event("stop"))
        self._flush()
        self._checkpoint()
        if self.failing and self._pending:
            log.error("audit records lost at the stop: %d", len(self._pending))
        with contextlib.suppress(OSError):
            self._file.sync()
        self._file.close()
        if self._register is not None and not self._pending:
            self._register.close()


def unfinished(
    left: Sequence[tuple[Path, list[dict[str, Any]]]], trail: Path
) -> list[dict[str, Any]]:
    """What was open when a process was killed, as events; what has its line after all is not
    among them: the kill came between the two."""
    found = [one for _, records in left for one in records]
    tail = tail_of(trail) if found else b""
    return [
        event("unfinished", outcome="unfinished", **one)
        for one in found
        if b'"request_id":"%b"' % str(one.get("request_id")).encode() not in tail
    ]
