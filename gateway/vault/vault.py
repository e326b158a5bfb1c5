"""The answer vault in use: a thread seals and writes each request and answer, in order."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from gateway.audit.entry import ids_of
from gateway.errors import VaultUnavailable
from gateway.record import RequestRecord, rfc3339
from gateway.runtime.files import sync_folder
from gateway.runtime.json_types import Json
from gateway.runtime.log import fault_logged, log
from gateway.safety.disclaimer import emergency_note_of
from gateway.safety.transcript import Transcript
from gateway.settings.gateway import GatewaySettings, SettingsError
from gateway.vault import folder

if TYPE_CHECKING:
    from gateway.vault.sealing import Sealer

A_DAY_S = 86_400.0
ERASE_EVERY_S = 600.0
RETRY_S = 1.0
STUCK_S = 5.0  # which an answer may wait, and so the most that a kill can lose
ERASE_AT_ONCE = 200  # files: answers wait meanwhile
FAULT = "a fault of the gateway"
STUCK = "an answer has waited too long: the disk hangs, or is too slow"

# Takes whether the vault cannot be written, and how many answers wait for it.
Alarm = Callable[[bool, int], None]


class WaitingAnswer(NamedTuple):
    """An answer that is to be sealed."""

    name: str
    facts: Json
    transcript: Transcript
    digests: list[str]
    since: float

    @property
    def day(self) -> str:
        return str(self.facts["time"])[:10]

    def content(self) -> bytes:
        """Return what is sealed, as JSON."""
        texts = self.transcript.texts(self.digests)
        request = self.transcript.request.decode()  # valid: it was parsed
        return orjson.dumps({**self.facts, "request": request, "answers": texts})


class Vault:
    """The vault of one process; others may write to the same folder."""

    def __init__(
        self, path: Path, sealer: "Sealer", emergency_note: str, *, days: int, alarm: Alarm
    ) -> None:
        self._path = path
        self._emergency_note = emergency_note
        self._sealer = sealer
        self._days = days
        self._alarm = alarm
        self._waiting: deque[WaitingAnswer] = deque()
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vault")
        self._next_erasure = 0.0
        self._problem: str | None = None

    @classmethod
    def of(cls, settings: GatewaySettings, alarm: Alarm) -> "Vault | None":
        """Return the vault of these settings, None where there is none; raise SettingsError."""
        path, sealer = settings.vault_dir, sealer_of(settings)
        if path is None or sealer is None:
            return None
        note = emergency_note_of(settings)
        return cls(path, sealer, note, days=settings.vault_days, alarm=alarm)

    def keep(self, record: RequestRecord, path: str, transcript: Transcript) -> bool:
        """Queue an answer for writing; return False if it has no text."""
        if record.answer is None or not record.answer.output_digests:
            return False
        facts = {
            **ids_of(record),
            "time": rfc3339(time.time()),
            "path": path,
            "notices": record.notices,
            "emergency_note": self._emergency_note,
            "is_whole": transcript.is_whole,
        }
        digests = record.answer.output_digests
        since = time.monotonic()
        self._waiting.append(WaitingAnswer(record.own_id, facts, transcript, digests, since))
        self._wake.set()
        return True

    def refuses(self) -> bool:
        """Return whether requests are refused now; a thread that hangs cannot report it."""
        if self._problem is None and self._is_stuck():
            self._note(STUCK)
        return self._problem is not None

    def check(self) -> None:
        """Raise VaultUnavailable when requests are refused now."""
        if self.refuses():
            raise VaultUnavailable(
                "The answer vault cannot be written, and requests are refused until it can be; try "
                "again later.",
                retry_after_s=5,
            )

    def warnings(self) -> list[str]:
        return ["The answer vault cannot be written; see the log."] if self.refuses() else []

    async def run(self) -> None:
        """Write waiting answers, and delete expired ones."""
        while True:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._work)
            is_due = self._problem is not None or time.monotonic() >= self._next_erasure
            pause_s = RETRY_S if is_due else ERASE_EVERY_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):  # `wait_for` may swallow the stop (3.11)
                    await self._wake.wait()
            self._wake.clear()

    def stop(self) -> None:
        self._thread.shutdown(wait=True)
        self._work()
        if self._waiting:
            log.error("answers lost at the stop: %d", len(self._waiting))

    def _work(self) -> None:
        with fault_logged(FAULT, then=lambda: self._note(FAULT)):
            try:
                self._write_waiting()
            except OSError as problem:
                self._note(problem.strerror or FAULT)
            else:
                self._note(STUCK if self._is_stuck() else None)
                self._erase_when_due()

    def _is_stuck(self) -> bool:
        """Return whether the oldest answer has waited too long."""
        try:
            return time.monotonic() - self._waiting[0].since > STUCK_S
        except IndexError:  # none waits, or the other thread has just written it
            return False

    def _write_waiting(self) -> None:
        """Write every answer that waits; what cannot be written waits for the next time."""
        today = rfc3339(time.time())[:10]
        days = {today: folder.make_day(self._path, today)}
        for _ in range(len(self._waiting)):
            answer = self._waiting[0]
            if answer.day not in days:
                days[answer.day] = folder.make_day(self._path, answer.day)
            sealed = self._sealer.seal(answer.content(), answer.name)
            folder.write(days[answer.day], answer.name, sealed)
            self._waiting.popleft().transcript.release()
        for day in days.values():
            sync_folder(day)

    def _erase_when_due(self) -> None:
        now = time.monotonic()
        if now < self._next_erasure:
            return
        self._next_erasure = now + ERASE_EVERY_S
        first = rfc3339(time.time() - self._days * A_DAY_S)[:10]
        try:
            if not folder.erase_before(self._path, first, most=ERASE_AT_ONCE):
                self._next_erasure = now
        except OSError as problem:
            log.error("answers whose days are over cannot be erased: %s", problem.strerror)

    def _note(self, problem: str | None) -> None:
        """Log the beginning and the end of a failure, and update the metrics."""
        before, self._problem = self._problem, problem
        if problem is not None and before is None:
            log.error("the answer vault cannot be written: %s", problem)
        if problem is None and before is not None:
            log.warning("the answer vault is written again")
        self._alarm(problem is not None, len(self._waiting))


def sealer_of(settings: GatewaySettings) -> "Sealer | None":
    """Return the sealer of MMHIE_VAULT_PUBLIC_KEY; raise SettingsError for a wrong key."""
    if settings.vault_public_key is None:
        return None
    from gateway.vault.sealing import KeyUnusable, Sealer  # 30 ms

    try:
        return Sealer(settings.vault_public_key)
    except KeyUnusable as problem:
        raise SettingsError(
            f"MMHIE_VAULT_PUBLIC_KEY: {settings.vault_public_key} {problem}."
        ) from None


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError for a key or a folder that cannot be used. A disk that is full is no
    wrong setting: requests are refused while it is."""
    path = settings.vault_dir
    if path is None or Vault.of(settings, lambda *_: None) is None:
        return
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as problem:
        raise SettingsError(
            f"MMHIE_VAULT_DIR is {path}, which cannot be made a folder ({problem.strerror}); name "
            "one whose parent exists."
        ) from None
