"""The feedback desk of one process: knows the answers that were given, and takes what is said of
them.

One thread does all work on the disk, in order: an answer that this process has finished is written
before feedback on it is looked up.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import orjson

from gateway.errors import AnswerNotFound, FeedbackUnavailable, InvalidRequest
from gateway.feedback.cipher import TextCipher, fingerprint_without_key
from gateway.feedback.entry import Answered, Entry, Given
from gateway.feedback.store import Store, StoreFailed, StoreForeign, TooManyEntries
from gateway.principal import Principal
from gateway.record import RequestRecord
from gateway.runtime.log import fault_logged, log
from gateway.settings.gateway import GatewaySettings, SettingsError

A_DAY_S = 86_400.0
MOST_PENDING = 20_000  # answers in memory while the disk fails
PRUNE_EVERY_S = 60.0
LOOK_AGAIN_S = 0.3  # another worker may have written the answer a moment ago
OK = 200

Alarm = Callable[[bool], None]
T = TypeVar("T")


class OtherGateways(Protocol):
    """Answers that gateways on other machines have noted."""

    def put(self, name: str, content: bytes) -> None: ...
    async def get(self, name: str) -> bytes | None: ...


class Receipt(NamedTuple):
    """The outcome of feedback: the entry, whether it was there already, and whether with it the
    number of severe flags is reached that takes the model out of service."""

    entry: Entry
    is_duplicate: bool
    reaches_hold: bool


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """So many severe flags within so many seconds."""

    count: int
    window_s: float


class FeedbackDesk:
    """Feedback and the answers it may be about; `alarm` is told whether the disk takes writes."""

    def __init__(
        self,
        store: Store,
        cipher: TextCipher | None,
        *,
        days: float,
        hold: HoldPolicy | None,
        alarm: Alarm,
        others: OtherGateways | None = None,
    ) -> None:
        self._store = store
        self._cipher = cipher
        self._days = days
        self._hold = hold
        self._alarm = alarm
        self._others = others
        self._pending: deque[Answered] = deque(maxlen=MOST_PENDING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._is_flush_due = False
        self._next_prune = 0.0
        self.is_failing = False

    @classmethod
    def of(
        cls, settings: GatewaySettings, file: Path, alarm: Alarm, others: OtherGateways | None
    ) -> "FeedbackDesk":
        """Return the desk of these settings."""
        count = settings.feedback_hold_count
        return cls(
            Store(file),
            TextCipher.of(settings),
            days=settings.feedback_days,
            hold=HoldPolicy(count, settings.feedback_hold_minutes * 60) if count else None,
            alarm=alarm,
            others=others,
        )

    def warnings(self) -> list[str]:
        return ["Feedback cannot be stored; see the log."] if self.is_failing else []

    def observe(self, record: RequestRecord) -> None:
        """Remember a finished request if words of a model went to the client."""
        if record.answer is None or record.status != OK:
            return
        answer = answered(record)
        self._pending.append(answer)
        if self._others is not None:
            tell(self._others, answer)
        if not self._is_flush_due:
            self._is_flush_due = True
            self._thread.submit(self._flush)

    def stop(self) -> None:
        """Write what is left, and stop."""
        self._thread.submit(self._flush)
        self._thread.submit(self._store.close)
        self._thread.shutdown(wait=True)

    async def give(self, request_id: str, given: Given, principal: Principal) -> Receipt:
        """Keep feedback; raise AnswerNotFound, InvalidRequest or FeedbackUnavailable."""
        if given.has_text and self._cipher is None:
            raise InvalidRequest(
                "This gateway keeps no texts of feedback; send it without `comment` and "
                "`corrected_text`, or have the operator set MMHIE_FEEDBACK_KEY.",
                param="comment" if given.comment is not None else "corrected_text",
            )
        answer = await self._answer_of(request_id, principal)
        return await self._run(lambda: self._add(answer, given, principal))

    async def _answer_of(self, request_id: str, principal: Principal) -> Answered:
        """Return the answer; an operator may speak of everybody's."""
        client = None if "admin" in principal.scopes else principal.id
        for pause_s in (0.0, LOOK_AGAIN_S):
            await asyncio.sleep(pause_s)
            answer = await self._run(lambda: self._look_up(request_id, client))
            answer = answer or await self._elsewhere(request_id, principal, client)
            if answer is not None:
                return answer
        raise AnswerNotFound(
            f"No answer with this request id was given to this key in the last {self._days:g} "
            "days; send the `request_id` of a finished answer, as in its X-Request-Id.",
            param="request_id",
        )

    async def _elsewhere(
        self, request_id: str, principal: Principal, client: str | None
    ) -> Answered | None:
        """Return an answer that a gateway on another machine gave."""
        if self._others is None:
            return None
        own = await self._others.get(named_by_caller(principal.id, request_id))
        content = await self._others.get(own.decode() if own else request_id)
        answer = None if content is None else Answered(*orjson.loads(content))
        return answer if answer is not None and client in (None, answer.client) else None

    async def _run(self, work: Callable[[], T]) -> T:
        """Do work in the thread of the disk; raise FeedbackUnavailable where that fails."""
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except StoreFailed as problem:
            self._note(problem)
            raise FeedbackUnavailable(
                "The feedback could not be stored; keep its text and send it again later.",
                retry_after_s=5,
            ) from None
        self._note(None)
        return result

    def _look_up(self, request_id: str, client: str | None) -> Answered | None:
        self._write_pending()
        return self._store.answer_of(request_id, client, time.time() - self._days * A_DAY_S)

    def _add(self, answer: Answered, given: Given, principal: Principal) -> Receipt:
        now = time.time()
        if given.reviewer is not None:
            answer = replace(answer, facts={**answer.facts, "reviewer": given.reviewer})
        entry = Entry(
            id=f"fb-{secrets.token_hex(8)}",
            created=now,
            client=principal.name,
            category=given.category,
            severity=given.severity,
            answer=answer,
            has_text=given.has_text,
        )
        try:
            same = self._store.add(entry, self._fingerprint(entry, given), self._sealed(given))
        except TooManyEntries:
            raise InvalidRequest(
                "This answer has as much feedback from this key as is kept; say more to the "
                "operator.",
                param="request_id",
            ) from None
        reached = same is None and given.severity == "high" and self._reaches(now)
        return Receipt(same or entry, same is not None, reached)

    def _reaches(self, now: float) -> bool:
        hold = self._hold
        return hold is not None and self._store.reaches(hold.count, now, hold.window_s)

    def _fingerprint(self, entry: Entry, given: Given) -> str:
        """Return the digest of what is said, by which a repetition is recognised."""
        said = [given.category, given.severity, given.comment, given.corrected_text]
        said += [given.reviewer] if given.reviewer is not None else []
        content = orjson.dumps([entry.answer.request_id, entry.client, *said])
        cipher = self._cipher
        return cipher.fingerprint(content) if cipher else fingerprint_without_key(content)

    def _sealed(self, given: Given) -> tuple[bytes | None, bytes | None]:
        if self._cipher is None:
            return None, None
        return self._cipher.encrypt(given.comment), self._cipher.encrypt(given.corrected_text)

    def _flush(self) -> None:
        """Write the answers that wait; what cannot be written waits for the next one."""
        self._is_flush_due = False
        with fault_logged("fault"):
            try:
                self._write_pending()
            except StoreFailed as problem:
                self._note(problem)
            else:
                self._note(None)

    def _write_pending(self) -> None:
        batch = [self._pending.popleft() for _ in range(len(self._pending))]
        if not batch:
            return
        try:
            self._store.note_answers(batch)
        except StoreFailed:
            self._pending.extendleft(reversed(batch))
            raise
        now = time.monotonic()
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_EVERY_S
            self._store.prune(time.time() - self._days * A_DAY_S)

    def _note(self, problem: StoreFailed | None) -> None:
        """Tell the operator of a failure, and of its end, once."""
        if (problem is not None) == self.is_failing:
            return
        self.is_failing = problem is not None
        if problem is not None:
            log.error("feedback cannot be stored: %s", problem)
        else:
            log.warning("feedback is stored again")
        self._alarm(self.is_failing)


def tell(others: OtherGateways, answer: Answered) -> None:
    """Note an answer for other gateways, under its id and under the one that its caller chose."""
    content = [answer.request_id, answer.caller_request_id, answer.client, answer.ended]
    others.put(answer.request_id, orjson.dumps([*content, answer.facts]))
    if answer.caller_request_id is not None:
        name = named_by_caller(answer.client, answer.caller_request_id)
        others.put(name, answer.request_id.encode())


def named_by_caller(client: str, request_id: str) -> str:
    """Return the name of a caller's own id, which others may have chosen, too."""
    return f"{client} {request_id}"


def answered(record: RequestRecord) -> Answered:
    """Return what feedback needs to know of a finished request."""
    caller_id = record.request_id if record.own_id not in ("", record.request_id) else None
    origin = record.origin.provenance if record.origin else {}
    facts = {name: origin.get(name) for name in ("model", "revision", "adapter", "quantization")}
    digests = record.answer.output_digests if record.answer else []
    return Answered(
        record.own_id or record.request_id,
        caller_id,
        record.principal.id,
        record.ended,
        {name: value for name, value in {**facts, "output_digests": digests}.items() if value},
    )


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError for a key or a file that cannot be used. A disk that is full is no wrong
    setting: each sender is told."""
    TextCipher.of(settings)
    if settings.feedback_file is None:
        return
    store = Store(settings.feedback_file)
    try:
        store.entries()
    except StoreForeign as problem:
        raise SettingsError(f"MMHIE_FEEDBACK_FILE {problem}; name another file.") from None
    except StoreFailed as problem:
        if not settings.feedback_file.parent.is_dir() or str(problem) == "SQLITE_NOTADB":
            raise SettingsError(
                f"MMHIE_FEEDBACK_FILE is {settings.feedback_file}: it cannot be opened as a "
                f"database ({problem}); name a file in a folder that exists."
            ) from None
    finally:
        store.close()
