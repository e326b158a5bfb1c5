"""The feedback desk of one process: it remembers answers, and stores feedback on them.

One thread does all work on the disk, in order: an answer of this process is written before feedback
on it is looked up.
"""

import asyncio
import secrets
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gateway.errors import AnswerNotFound, FeedbackUnavailable, InvalidRequest
from gateway.feedback.entry import SIGN_OFF, Entry, RecentAnswer, Submission, text_name
from gateway.feedback.store import Store, StoreFailed
from gateway.principal import Principal
from gateway.record import RequestRecord
from gateway.runtime.log import fault_logged, log

if TYPE_CHECKING:
    from gateway.vault.sealing import Sealer

A_DAY_S = 86_400.0
FEEDBACK_DAYS = 30  # for which an answer can be given feedback
MOST_PENDING = 20_000  # answers that wait in memory while the disk fails
PRUNE_EVERY_S = 60.0
OK = 200

T = TypeVar("T")


class Receipt(NamedTuple):
    """The stored entry; `is_duplicate` if it was stored before."""

    entry: Entry
    is_duplicate: bool


class FeedbackDesk:
    """Feedback, and the answers it may be about. Without a sealer, texts are refused."""

    def __init__(self, store: Store, sealer: "Sealer | None") -> None:
        self._store = store
        self._sealer = sealer
        self._pending: deque[RecentAnswer] = deque(maxlen=MOST_PENDING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._is_flush_due = False
        self._next_prune = 0.0
        self._named: set[str] = set()
        self.is_failing = False

    def warnings(self) -> list[str]:
        failing = ["Feedback cannot be stored; see the log."] if self.is_failing else []
        changed = ["Rows of MMHIE_FEEDBACK_FILE were changed; see the log."] if self._named else []
        return failing + changed

    def observe(self, record: RequestRecord) -> None:
        """Remember a finished request if the client has got an answer of the model."""
        if record.answer is None or record.status != OK:
            return
        self._pending.append(build_answer(record))
        if not self._is_flush_due:
            self._is_flush_due = True
            self._thread.submit(self._flush)

    def stop(self) -> None:
        self._thread.submit(self._flush)
        self._thread.submit(self._store.close)
        self._thread.shutdown(wait=True)

    async def give(self, given: Submission, principal: Principal) -> Receipt:
        """Store feedback; raise AnswerNotFound, InvalidRequest or FeedbackUnavailable.

        A caller finds its own answers; with the scope `admin`, those of every client.
        """
        if given.texts and self._sealer is None:
            raise InvalidRequest(
                "This gateway stores no texts of feedback; send it without `comment` and "
                "`corrected_text`, or have the operator set MMHIE_VAULT_PUBLIC_KEY.",
                param=next(iter(given.texts)),
            )
        client = None if "admin" in principal.scopes else principal.id
        answer = await self._run(lambda: self._find_answer(given.request_id, client))
        if answer is None:
            raise AnswerNotFound(
                "This gateway gave no answer with this request id to this key in the last "
                f"{FEEDBACK_DAYS} days; send the `request_id` of a finished answer, as in its "
                "X-Request-Id, to the gateway that gave it.",
                param="request_id",
            )
        return await self._run(lambda: self._add(answer, given, principal))

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

    def _find_answer(self, request_id: str, client: str | None) -> RecentAnswer | None:
        self._write_pending()
        return self._store.find_answer(request_id, client, time.time() - FEEDBACK_DAYS * A_DAY_S)

    def _add(self, answer: RecentAnswer, given: Submission, principal: Principal) -> Receipt:
        entry_id = f"fb-{secrets.token_hex(8)}"
        reviewer = principal.care.verified_user if given.category == SIGN_OFF else None
        entry = Entry(
            id=entry_id,
            created=time.time(),
            client=principal.name,
            category=given.category,
            severity=given.severity,
            answer=answer,
            fingerprint=self._store.fingerprint(
                answer.request_id,
                principal.name,
                reviewer,
                given.model_dump(exclude={"request_id"}),
            ),
            reviewer=reviewer,
            sealed=self._seal(entry_id, given),
        )
        same = self._store.add(entry)
        return Receipt(same or entry, same is not None)

    def _seal(self, entry_id: str, given: Submission) -> dict[str, str]:
        """Return the texts sealed, each for its field of this entry only."""
        if self._sealer is None:
            return {}
        return {
            field: b64encode(self._sealer.seal(text.encode(), text_name(entry_id, field))).decode()
            for field, text in given.texts.items()
        }

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
        """Log changed rows, the beginning and the end of a failure, each once."""
        for name in self._store.changed - self._named:
            self._named.add(name)
            log.error("a row of feedback was changed, and does not count: %s", name)
        if (problem is not None) == self.is_failing:
            return
        self.is_failing = problem is not None
        if problem is not None:
            log.error("feedback cannot be stored: %s", problem)
        else:
            log.warning("feedback is stored again")


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
