"""The screening of a prompt for red flags, independent of the outcome of its request."""

import asyncio
import hashlib
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from gateway.api.request_text import LANGUAGES, OTHER, Turn, is_in_other_language, language_of
from gateway.record import RequestRecord
from gateway.runtime.json_types import Json
from gateway.runtime.turns import LoopTurns
from gateway.safety.labels import GATEWAY_VERSION
from gateway.safety.red_flags.detection import RedFlags, Steps, detect_in_steps, finish, step
from gateway.safety.red_flags.model import FILE, log_odds, model
from gateway.safety.wording import NO_CONTACTS, Audience, Contacts, Wording, wording

LONG_TEXT = 4_096  # characters; a shorter text is screened at once, in 1 ms, at worst 4
MANY_TURNS = 64
SCREENING_S = 10.0  # longest time; after it the answer warns that the prompt was not screened
SCREENED = tuple(language for language in LANGUAGES if language != OTHER)


@dataclass(frozen=True, slots=True)
class Screener:
    """Screens the prompts of one gateway, and writes their notices."""

    wording: Wording
    audience: Audience
    names: Mapping[str, str]  # contacts by placeholder
    threshold: float  # log-odds of a notice
    notice_rules: str | None  # the version of the rules; None: nothing is screened
    turns: LoopTurns = field(default_factory=LoopTurns)  # of long prompts, by caller

    @classmethod
    def of(
        cls,
        words: Wording | None = None,
        *,
        audience: Audience = "clinician",
        contacts: Contacts = NO_CONTACTS,
        threshold: float | None = None,
    ) -> "Screener":
        """Return the screener; `threshold` is a probability, by default the model's own."""
        words = words or wording("en")
        names, odds, rules = words.names_of(contacts, audience), math.inf, None
        if audience != "off":
            odds = model().threshold if threshold is None else log_odds(threshold)
            rules = rules_version(words, audience, [str(odds), *names.values()])
        return cls(words, audience, names, odds, rules)

    @property
    def languages(self) -> Sequence[str]:
        return SCREENED if self.audience != "off" else ()

    def screen(self, turns: Sequence[Turn]) -> Steps:
        """Detect the red flags of a conversation in short steps; none with the audience `off`."""
        if self.audience == "off":
            return RedFlags()
        return (yield from detect_in_steps(turns, self.threshold))

    def notices_of(self, flags: RedFlags) -> list[Mapping[str, str]]:
        """Return the notices of the present and the earlier red flags."""
        notice = partial(self.wording.notice, audience=self.audience, names=self.names)
        return [*map(notice, flags.now), *map(partial(notice, is_earlier=True), flags.earlier)]


def rules_version(wording: Wording, audience: Audience, decided_by: Sequence[str]) -> str:
    """Return the gateway's version and a digest of everything else that decides on notices and
    their text: model, wording, audience, settings."""
    words = (wording.model_dump_json(), audience, *decided_by)
    digest = hashlib.sha256(b"\0".join([model_digest(), *map(str.encode, words)])).hexdigest()
    return f"{GATEWAY_VERSION}-{digest[:12]}"


@cache
def model_digest() -> bytes:
    return hashlib.sha256(FILE.read_bytes()).digest()


class PromptScreening:
    """The screening of one prompt. A long one is read in steps, between which other requests run.

    Await `settle` before the first byte: the response's headers name the notices.
    """

    __slots__ = ("_add_bytes", "_limit_s", "_record", "_screener", "_task", "_text_bytes")

    def __init__(
        self, screener: Screener, record: RequestRecord, limit_s: float = SCREENING_S
    ) -> None:
        self._screener = screener
        self._record = record
        self._limit_s = limit_s
        self._task: asyncio.Task[RedFlags] | None = None
        self._text_bytes = 0
        self._add_bytes: Callable[[int], object] | None = None

    def begin(self, turns: Sequence[Turn]) -> None:
        """Record the language and, for a short text, the notices; start to read a long text."""
        record, screener = self._record, self._screener
        record.language = language_of(turns[-1].text) if turns else None
        record.notice_rules = screener.notice_rules
        if record.language == OTHER and screener.languages and is_in_other_language(turns):
            record.screening_warnings += ("language_not_screened",)
        steps = screener.screen(turns)
        if len(turns) > MANY_TURNS or sum(len(turn.text) for turn in turns) > LONG_TEXT:
            self._text_bytes = sum(sys.getsizeof(turn.text) for turn in turns)
            self._task = asyncio.create_task(self._read(steps))
        else:
            self._record_flags(finish(steps))

    async def _read(self, steps: Steps) -> RedFlags:
        try:
            return await finish_in_turns(steps, self._screener.turns)
        finally:
            self._release()

    def count_unread(self, add_bytes: Callable[[int], object]) -> None:
        """Add the texts of a long prompt to the memory in use, until all are read."""
        if self._task is not None and not self._task.done():
            self._add_bytes = add_bytes
            add_bytes(self._text_bytes)

    def _release(self) -> None:
        add_bytes, self._add_bytes = self._add_bytes, None
        if add_bytes is not None:
            add_bytes(-self._text_bytes)

    async def settle(self) -> None:
        """Wait until the record has the notices, or the warning that time ran out. Whoever is
        interrupted meanwhile may wait again."""
        if self._task is None:
            return
        try:
            flags = await asyncio.wait_for(asyncio.shield(self._task), self._limit_s)
        except TimeoutError:
            self.close()
            self._record.screening_warnings += ("input_not_screened",)
        else:
            self._task = None
            self._record_flags(flags)

    def close(self) -> None:
        """Stop to read, and return the memory."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self._release()

    def complete(self, label: Json) -> None:
        """Add the notices and warnings to a label."""
        label["notices"] = self._record.notices
        if self._record.screening_warnings:
            label["warnings"] = [*self._record.screening_warnings]

    def _record_flags(self, flags: RedFlags) -> None:
        self._record.notices = self._screener.notices_of(flags)
        self._record.resolved = flags.earlier
        self._record.in_setting = flags.in_setting


async def finish_in_turns(steps: Steps, turns: LoopTurns) -> RedFlags:
    """Take all steps, each in this caller's turn."""
    while True:
        if (result := step(steps)) is not None:
            return result
        await turns.wait()
