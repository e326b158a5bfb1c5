"""The audit trail in use: `observe` appends to a queue; a thread writes it in batches."""

import contextlib
import errno
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit import checkpoint, entry
from gateway.audit.chain import ChainHead
from gateway.audit.file import SYNC_EVERY_S, AuditFile, ChainBroken, event
from gateway.audit.inflight_journal import DeadJournal, InflightJournal, dead_journals
from gateway.audit.pseudonyms import Pseudonyms
from gateway.errors import AuditUnavailable
from gateway.record import RequestRecord
from gateway.runtime.json_types import Json
from gateway.runtime.log import fault_logged, log
from gateway.safety.labels import GATEWAY_VERSION, signing_key_of
from gateway.settings.audit import AuditSettings
from gateway.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from gateway.audit.feed import AuditFeed, Count
    from gateway.safety.signatures import SigningKey

LOOK_S = 1.0
ADOPT_EVERY_S = 3.0
BATCH_S = 0.01  # a line is written within twice this; more at once would hold up requests
RETRY_S = 1.0
CHECKPOINT_EVERY_S = 60.0
MOST_PENDING = 100_000
MOST_PER_BATCH = 2_000
STOP_S = 5.0
STUCK_S = 5.0  # a write that takes longer has failed: the disk hangs
SHARED_KEY_NOTE = (
    "Whoever verifies the trail with MMHIE_AUDIT_KEY can identify patients by their numbers; set "
    "MMHIE_PSEUDONYM_KEY."
)
TAMPERED = "The audit trail was tampered with while the gateway ran; run `mmhie audit verify`."


class Trail:
    """A trail on disk. Entries wait in memory until they are written; failed writes are retried, so
    a short failure loses nothing."""

    def __init__(
        self,
        file: AuditFile,
        names: Pseudonyms,
        settings: AuditSettings,
        *,
        feed: "AuditFeed | None" = None,
        signing: "SigningKey | None" = None,
    ) -> None:
        self._file = file
        self._signing = signing
        self._names = names
        file.on_tampering = self._note_tampering
        self.feed = feed  # what else reads the file that is written here
        if feed is not None:
            feed.on_tampering = self._note_tampering
        self._on_failure = settings.audit_on_failure
        is_shared = settings.env == "production" and settings.pseudonym_key is None
        self._notes = [SHARED_KEY_NOTE] if is_shared else []
        self._pending: deque[RequestRecord] = deque()
        self._events: list[Json] = []
        self.lost = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._checkpointed = ChainHead(-1, "")
        self._due: dict[Callable[[], None], float] = {}
        self.is_tampered = False
        self._writing_since: float | None = None
        self._journal: InflightJournal | None = None
        self._left_journals = set[Path]()
        self.failing = False

    @classmethod
    def of(cls, settings: GatewaySettings, count: "Count") -> "Trail | None":
        """Return the trail for these settings; `count` counts the lines of its feed."""
        file, key = AuditFile.of(settings), settings.audit_key
        if file is None or key is None:
            return None
        names, feed = Pseudonyms.from_settings(settings), feed_of(settings, count)
        signing = signing_key_of(settings)
        return cls(file, names, settings, feed=feed, signing=signing)

    def open(self, record: RequestRecord, path: str) -> None:
        """Enter a request in flight into the journal: if the process is killed, it is accounted
        for at the next start."""
        if self._journal is not None:
            line = entry.opened(record, path, time.time(), self._names)
            record.journal_slot = self._journal.enter(line)

    def observe(self, record: RequestRecord) -> None:
        """Keep the finished record of a request until it is written."""
        if not record.is_audited:
            return
        if len(self._pending) >= MOST_PENDING:
            self.lost += 1
            self._leave(record.journal_slot)
            return
        self._pending.append(record)
        if not self._wake.is_set():
            self._wake.set()

    def note(self, kind: str, **facts: object) -> None:
        """Keep an event of the service until it is written."""
        self._events.append(event(kind, **facts))
        self._wake.set()

    def refuses(self) -> bool:
        return self._on_failure == "refuse" and self.has_failed()

    def check(self) -> None:
        """Raise AuditUnavailable when requests are refused now."""
        if self.refuses():
            raise AuditUnavailable(
                "The audit trail cannot be written, and requests are refused until it can be; try "
                "again later.",
                retry_after_s=5,
            )

    def warnings(self) -> list[str]:
        failed = ["The audit trail cannot be written."] if self.has_failed() else []
        waits = self.feed.warnings() if self.feed is not None else []
        return [*failed, *([TAMPERED] if self.is_tampered else []), *waits, *self._notes]

    def _note_tampering(self, what: str) -> None:
        log.error("the audit trail was tampered with: %s", what)
        self.is_tampered = True

    def has_failed(self) -> bool:
        """Return whether writing fails or hangs; a thread that hangs cannot report it."""
        since = self._writing_since
        if not self.failing and since is not None and time.monotonic() - since > STUCK_S:
            self._fail(TimeoutError(errno.ETIMEDOUT, "the disk does not answer"))
        return self.failing

    def start(self) -> None:
        """Write the first event before the first request comes in."""
        self._events.append(event("start", gateway_version=GATEWAY_VERSION))
        self._flush()
        with contextlib.suppress(OSError):  # no room: a kill then shows only in `start`
            self._journal = InflightJournal(self._file.path, self._file.key)
        if self.feed is not None:
            self.feed.start()
        self._work()
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and stop; a disk that takes nothing for `STOP_S` is given up."""
        self._stopping.set()
        self._wake.set()
        left = -1
        while self._thread.is_alive() and left != len(self._pending):
            left = len(self._pending)
            self._thread.join(STOP_S)
        if self.feed is not None:
            self.feed.stop()

    def _run(self) -> None:
        with fault_logged("fault", then=self._note_death):
            self._write_until_stopped()

    def _note_death(self) -> None:
        """Refuse requests from now on: a writer that died must not look like an idle one."""
        self.failing = True

    def _write_until_stopped(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._pause_s())
            self._stopping.wait(RETRY_S if self.failing else BATCH_S)
            self._wake.clear()
            self._flush()
            self._work()
        self._close()

    def _work(self) -> None:
        """Do what is due beside writing. The last lines before an idle time are forced to the disk
        like all others."""
        now = time.monotonic()
        for task, every_s in (
            (self._file.sync_when_due, 0.0),
            (self._file.look, LOOK_S),
            (self._adopt_journals, ADOPT_EVERY_S),
            (self._checkpoint, CHECKPOINT_EVERY_S),
        ):
            if not self.failing and now >= self._due.get(task, 0.0):
                self._due[task] = now + every_s
                with self._attempt():
                    task()

    def _adopt_journals(self) -> None:
        """Write the lines of requests that were in progress in processes that died."""
        for journal in dead_journals(self._file.path, self._file.key):
            if journal.path in self._left_journals:
                continue
            if journal.forged:
                what = f"{journal.forged} forged entries in {journal.path.name}"
                self._file.record_tampering(what, self._file.head)
            lost = journal.without_lines(self._file.path, self._file.key)
            self._file.append([event("unfinished", outcome="unfinished", **each) for each in lost])
            self._remove(journal)

    def _remove(self, journal: DeadJournal) -> None:
        """Remove a journal; one that stays is not adopted again and does not stop the trail."""
        try:
            journal.remove()
        except OSError as problem:
            self._left_journals.add(journal.path)
            log.error("a journal beside the audit trail stays there: %s", problem.strerror)

    def _pause_s(self) -> float:
        return RETRY_S if self.failing else min(SYNC_EVERY_S, LOOK_S)

    @contextlib.contextmanager
    def _attempt(self) -> Iterator[None]:
        """Note a disk operation's failure, and time it: other threads must see one that hangs."""
        self._writing_since = time.monotonic()
        try:
            yield
        except (OSError, ChainBroken) as problem:
            self._fail(problem)
        finally:
            self._writing_since = None

    def _flush(self) -> None:
        """Write the entries that are pending now; what cannot be written stays pending.

        Those that come meanwhile are the next batch's: a slow disk must not keep the checkpoints.
        """
        left = len(self._pending)
        while left or self._events or self.failing:
            batch = [self._pending.popleft() for _ in range(min(left, MOST_PER_BATCH))]
            if not self._write(batch):
                self._pending.extendleft(reversed(batch))
                return
            left -= len(batch)

    def _write(self, batch: list[RequestRecord]) -> bool:
        events, lost = list(self._events), self.lost
        gap = [event("gap", lost=lost)] if lost else []
        back = [event("resumed")] if self.failing else []
        with self._attempt():
            self._file.append([*events, *back, *gap, *entry.lines_of(batch, self._names)])
            del self._events[: len(events)]
            for written in batch:
                self._leave(written.journal_slot)
            self.lost -= lost
            self._recover()
            return True
        return False

    def _leave(self, slot: int) -> None:
        if self._journal is not None:
            self._journal.leave(slot)

    def _fail(self, problem: Exception) -> None:
        if not self.failing:
            reason = problem.strerror if isinstance(problem, OSError) else "the chain is broken"
            log.error("the audit trail cannot be written: %s", reason)
        self.failing = True

    def _recover(self) -> None:
        if self.failing:
            log.warning("the audit trail is written again")
        self.failing = False

    def _checkpoint(self) -> None:
        """Print the head of the chain outside of the file, so that a cut end can be detected."""
        head = self._file.head
        if head == self._checkpointed or self.failing:
            return
        self._checkpointed = head
        line = checkpoint.line_of(self._file.path.name, head, self._signing)
        with contextlib.suppress(OSError, ValueError):  # nobody reads standard output
            sys.stdout.write(line)
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
        if self._journal is not None and not self._pending:
            self._journal.close()


def feed_of(settings: GatewaySettings, count: "Count") -> "AuditFeed | None":
    trail, key = settings.audit_file, settings.audit_key
    if settings.audit_fhir_url is None or trail is None or key is None:
        return None
    from gateway.audit.feed import AuditFeed  # an HTTP client: only where one is used

    return AuditFeed.of(settings, trail, key.get_secret_value(), count)


def check_feed(settings: GatewaySettings) -> None:
    """Raise SettingsError for a file of the feed that cannot be used."""
    feed_of(settings, lambda *_: None)
