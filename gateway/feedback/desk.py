"""The feedback desk of one process: it remembers answers, and stores feedback on them.

One thread does all work on the disk, in order: an answer of this process is written before feedback
on it is looked up.
"""

import asyncio
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import orjson

from gateway.errors import AnswerNotFound, FeedbackUnavailable, InvalidRequest
from gateway.feedback.entry import Entry, RecentAnswer, SealedTexts, Submission, text_name
from gateway.feedback.store import Store, StoreFailed, TooManyEntries
from gateway.principal import Principal
from gateway.record import RequestRecord
from gateway.runtime.log import fault_logged, log

if TYPE_CHECKING:
    from gateway.vault.sealing import Sealer

A_DAY_S = 86_400.0
FEEDBACK_DAYS = 30  # for which an answer can be given feedback
MOST_PENDING = 20_000  # answers that wait in memory while the disk fails
PRUNE_EVERY_S = 60.0
LOOK_AGAIN_S = 0.3  # another gateway may be writing the answer
OK = 200

Alarm = Callable[[bool], None]  # called with True when feedback cannot be stored
T = TypeVar("T")


class Receipt(NamedTuple):
    """The stored entry; `is_duplicate` if it was stored before."""

    entry: Entry
    is_duplicate: bool


class FeedbackDesk:
    """Feedback, and the answers it may be about. Without a sealer, texts are refused."""

    def __init__(
        self,
        store: Store,
        sealer: "Sealer | None",
        *,
        digest_key: bytes,
        alarm: Alarm,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._digest_key = digest_key
        self._alarm = alarm
        self._pending: deque[RecentAnswer] = deque(maxlen=MOST_PENDING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._is_flush_due = False
        self._next_prune = 0.0
        self.is_failing = False

    def warnings(self) -> list[str]:
        return ["Feedback cannot be stored; see the log."] if self.is_failing else []

    def observe(self, record: RequestRecord) -> None:
        """Remember a finished request if the client has got an answer of the model."""
        if record.answer is None or record.status != OK:
            return
        self._pending.append(build_answer(record))
        if not self._is_flush_due:
            self._is_flush_due = True
            self._thread.submit(self._flush)

    def stop(self) -> None:
        """Write the pending answers, and stop."""
        self._thread.submit(self._flush)
        self._thread.submit(self._store.close)
        self._thread.shutdown(wait=True)

    async def give(self, request_id: str, given: Submission, principal: Principal) -> Receipt:
        """Store feedback; raise AnswerNotFound, InvalidRequest or FeedbackUnavailable."""
        if given.has_text and self._sealer is None:
            raise InvalidRequest(
                "This gateway stores no texts of feedback; send it without `comment` and "
                "`corrected_text`, or have the operator set MMHIE_VAULT_PUBLIC_KEY.",
                param="comment" if given.comment is not None else "corrected_text",
            )
        answer = await self._find_answer(request_id, principal)
        return await self._run(lambda: self._add(answer, given, principal))

    async def _find_answer(self, request_id: str, principal: Principal) -> RecentAnswer:
        """Return the answer; the scope `admin` finds those of every client."""
        client = None if "admin" in principal.scopes else principal.id
        for pause_s in (0.0, LOOK_AGAIN_S):
            await asyncio.sleep(pause_s)
            answer = await self._run(lambda: self._look_up(request_id, client))
            if answer is not None:
                return answer
        raise AnswerNotFound(
            "This gateway gave no answer with this request id to this key in the last "
            f"{FEEDBACK_DAYS} days; send the `request_id` of a finished answer, as in its "
            "X-Request-Id, to the gateway that gave it.",
            param="request_id",
        )

    async def _run(self, work: Callable[[], T]) -> T:
        """Work in the thread of the disk; raise FeedbackUnavailable if the disk fails."""
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

    def _look_up(self, request_id: str, client: str | None) -> RecentAnswer | None:
        self._write_pending()
        return self._store.find_answer(request_id, client, time.time() - FEEDBACK_DAYS * A_DAY_S)

    def _add(self, answer: RecentAnswer, given: Submission, principal: Principal) -> Receipt:
        if given.reviewer is not None:
            answer = replace(answer, facts={**answer.facts, "reviewer": given.reviewer})
        entry = Entry(
            id=f"fb-{secrets.token_hex(8)}",
            created=time.time(),
            client=principal.name,
            category=given.category,
            severity=given.severity,
            answer=answer,
            has_text=given.has_text,
        )
        try:
            same = self._store.add(entry, self._fingerprint(entry, given), self._seal(entry, given))
        except TooManyEntries:
            raise InvalidRequest(
                "This answer has the most feedback that one key may send (16 entries); contact the "
                "operator.",
                param="request_id",
            ) from None
        return Receipt(same or entry, same is not None)

    def _fingerprint(self, entry: Entry, given: Submission) -> str:
        """Return a digest that recognises a repetition. It is keyed if there is a text, since a
        short text could be guessed from a plain digest."""
        content = [given.category, given.severity, given.comment, given.corrected_text]
        content += [given.reviewer] if given.reviewer is not None else []
        text = orjson.dumps([entry.answer.request_id, entry.client, *content])
        return hmac.digest(self._digest_key if given.has_text else b"", text, "sha256").hex()

    def _seal(self, entry: Entry, given: Submission) -> SealedTexts:
        """Return both texts sealed, each for its field of this entry only."""
        if self._sealer is None:
            return None, None
        comment, corrected = (
            None if text is None else self._sealer.seal(text.encode(), text_name(entry.id, field))
            for field, text in given.texts.items()
        )
        return comment, corrected

    def _flush(self) -> None:
        """Write the pending answers; if that fails they stay pending."""
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
            self._store.add_answers(batch)
        except StoreFailed:
            self._pending.extendleft(reversed(batch))
            raise
        now = time.monotonic()
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_EVERY_S
            self._store.prune(time.time() - FEEDBACK_DAYS * A_DAY_S)

    def _note(self, problem: StoreFailed | None) -> None:
        """Log the beginning and the end of a failure once, and set the alarm."""
        if (problem is not None) == self.is_failing:
            return
        self.is_failing = problem is not None
        if problem is not None:
            log.error("feedback cannot be stored: %s", problem)
        else:
            log.warning("feedback is stored again")
        self._alarm(self.is_failing)


def build_answer(record: RequestRecord) -> RecentAnswer:
    """Return the facts of a finished request that its feedback refers to."""
    caller_id = record.request_id if record.own_id not in ("", record.request_id) else None
    origin = record.origin.provenance if record.origin else {}
    facts = {name: origin.get(name) for name in ("model", "revision", "adapter", "quantization")}
    digests = record.answer.output_digests if record.answer else []
    return RecentAnswer(
        record.own_id or record.request_id,
        caller_id,
        record.principal.id,
        record.ended,
        {name: value for name, value in {**facts, "output_digests": digests}.items() if value},
    )
