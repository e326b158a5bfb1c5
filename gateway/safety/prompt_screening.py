"""The screening of prompts: the notices that a text raises, whatever becomes of its request."""

import asyncio
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.api.request_text import Turn
from gateway.record import RequestRecord
from gateway.runtime.json_types import Json
from gateway.safety import second_reader
from gateway.safety.languages import OTHER, SCREENED, is_unscreened, language_of
from gateway.safety.red_flags import screening
from gateway.safety.red_flags.model import GENERAL, model
from gateway.safety.red_flags.notices import notice, rules_version
from gateway.safety.second_reader import NoticeReader
from gateway.safety.wording import NO_CONTACTS, Audience, Contacts, Wording, wording

LONG_TEXT = 8_192  # characters; below, a text is screened in one go: 1 ms, 5 at worst
MANY_TURNS = 64
SCREENING_S = 10.0  # after which an answer says that the prompt was not screened


class Screening(NamedTuple):
    """Notices for a conversation; of these the ids that a later turn has resolved; and the ids that
    nothing but an application's own text raises, which get no notice; and whether the second reader
    is to be asked."""

    notices: Sequence[Mapping[str, str]] = ()
    resolved: Sequence[str] = ()
    in_setting: Sequence[str] = ()
    is_unsure: bool = False


Screenings = Generator[None, None, Screening]


@dataclass(frozen=True, slots=True)
class Screener:
    """Screens the prompts of one gateway, and words their notices."""

    wording: Wording
    audience: Audience
    names: Mapping[str, str]  # of whom to call
    threshold: float  # log-odds from which there is a notice
    notice_rules: str | None  # their version; None: nothing is screened
    reader: NoticeReader = "off"

    @classmethod
    def of(
        cls,
        words: Wording | None = None,
        *,
        audience: Audience = "clinician",
        contacts: Contacts = NO_CONTACTS,
        threshold: float | None = None,
        reader: NoticeReader = "off",
    ) -> "Screener":
        """Return the screener; `threshold` is a probability, by default the model's own."""
        words = words or wording("en")
        names, odds, rules = words.names_of(contacts, audience), math.inf, None
        if audience != "off":
            odds = model().threshold if threshold is None else log_odds(threshold)
            rules = rules_version(words, audience, [str(odds), *names.values(), reader])
        return cls(words, audience, names, odds, rules, reader)

    @property
    def languages(self) -> Sequence[str]:
        """Return the languages that are screened."""
        return SCREENED if self.audience != "off" else ()

    def screen(self, turns: Sequence[Turn]) -> Screenings:
        """Screen the turns of a conversation in short steps; the notices need no answer. None where
        nobody is to read them."""
        if self.audience == "off":
            return Screening()
        raised = yield from screening.screening_of(turns, self.threshold)
        notices = [self._notice(topic) for topic in raised.now]
        notices += [self._notice(topic, is_earlier=True) for topic in raised.earlier]
        is_unsure = self.reader == "model" and second_reader.is_unsure(raised.odds, self.threshold)
        return Screening(notices, raised.earlier, raised.in_setting, is_unsure)

    def read_by_model(self) -> Mapping[str, str]:
        """Return the notice that the second reader adds, marked as its own."""
        return {**self._notice(GENERAL), "reader": "model"}

    def _notice(self, topic: str, *, is_earlier: bool = False) -> Mapping[str, str]:
        return notice(topic, self.wording, self.audience, self.names, is_earlier=is_earlier)


def log_odds(chance: float) -> float:
    """Return the log-odds of a probability over 0."""
    return math.log(chance / (1 - chance)) if chance < 1 else math.inf


class PromptScreening:
    """The screening of what a caller sent: done at once, or in steps of a millisecond between which
    all others run, if the text is long.

    `settle` has to be awaited before the first byte, whose headers name the notices.
    """

    __slots__ = ("_limit_s", "_record", "_screener", "_task", "_turns", "doubt")

    def __init__(
        self, screener: Screener, record: RequestRecord, limit_s: float = SCREENING_S
    ) -> None:
        self._screener = screener
        self._record = record
        self._limit_s = limit_s
        self._task: asyncio.Task[Screening] | None = None
        self._turns: Sequence[Turn] = ()  # for the second reader
        self.doubt = ""  # the text that it is to read, once that is known

    def begin(self, turns: Sequence[Turn]) -> None:
        """Note the language, and the red flags of a short text; start to read a long one."""
        record, screener = self._record, self._screener
        record.language = language_of([turn.text for turn in turns])
        record.notice_rules = screener.notice_rules
        if record.language == OTHER and screener.languages and is_unscreened(turns):
            record.screening_warnings += ("language_not_screened",)
        self._turns = turns if screener.reader != "off" else ()
        steps = screener.screen(turns)
        if len(turns) > MANY_TURNS or sum(len(turn.text) for turn in turns) > LONG_TEXT:
            self._task = asyncio.create_task(in_turns(steps))
        else:
            self._note(screening.finish(steps))

    async def settle(self) -> None:
        """Wait until the record has the notices, or that there was no time to look for them."""
        task, self._task = self._task, None
        if task is None:
            return
        try:
            self._note(await asyncio.wait_for(task, self._limit_s))
        except TimeoutError:
            self._record.screening_warnings += ("input_not_screened",)

    def complete(self, label: Json) -> None:
        """Add what was found to a label; its notices are the record's own, to which the second
        reader may add one until the last part of the label is written."""
        label["notices"] = self._record.notices
        if self._record.screening_warnings:
            label["warnings"] = [*self._record.screening_warnings]

    def _note(self, outcome: Screening) -> None:
        record = self._record
        record.notices = [*outcome.notices]
        record.resolved, record.in_setting = outcome.resolved, outcome.in_setting
        if outcome.is_unsure:
            self.doubt = second_reader.text_of(self._turns)
        self._turns = ()


async def in_turns(steps: Screenings) -> Screening:
    """Screen a step at a time, in turn with all else that the loop has to do."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Screening = end.value
            return outcome
        await asyncio.sleep(0)
