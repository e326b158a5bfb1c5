"""The screening of a prompt: which red flags its turns raise, whatever becomes of its request.

Every turn is read line by line, and each line once more with the line before it; the highest
reading counts, whatever stands around it. Two things speak against one: a frame close by (an exam
item, fiction, a document about emergencies in general), and a later turn of the same writer that
says of the same sign that it is over. No frame silences `UNFRAMED` or a `SPEAKER`, and nothing that
is said later ends `LASTING`.
"""

import asyncio
import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

from gateway.api.request_text import (
    LANGUAGES,
    OTHER,
    SETTING_ROLES,
    Turn,
    is_in_other_language,
    language_of,
)
from gateway.record import RequestRecord
from gateway.runtime.json_types import Json
from gateway.safety.red_flags.model import GENERAL, NOTHING, lines_of, log_odds, model, parts_of
from gateway.safety.red_flags.notices import notice, rules_version
from gateway.safety.wording import NO_CONTACTS, Audience, Contacts, Wording, wording

LONG_TEXT = 8_192  # characters; below, a text is screened in one go: 1 ms, 5 at worst
MANY_TURNS = 64
SCREENING_S = 10.0  # after which an answer says that the prompt was not screened
SCREENED = tuple(language for language in LANGUAGES if language != OTHER)
UNFRAMED = frozenset(["MED103", "MED104", "MED110"])  # anaphylaxis, self-harm, an ill child
# Stroke signs, anaphylaxis, self-harm, overdose and swallowed objects, an ill child, head injury.
LASTING = frozenset(["MED102", "MED103", "MED104", "MED105", "MED110", "MED114"])
REACH = 16  # lines on each side that a frame reaches
MOST = 3  # notices of one turn
SELF_HARM, HEAD_START = "MED104", 2.0  # log-odds below the threshold that are enough for it
LOOKED_AT = 64  # likeliest passages of a turn, whose topic and frame are looked for
REPEATS = 4  # of one passage among these, or notes that are copied forward would hide what follows
# Who speaks of oneself or of one's own writes no exam item: its frame silences nothing. Italian's
# articles and its "but" are among them (`i`, `ma`), so that a frame silences less there.
SPEAKER = frozenset(
    (
        *("i", "my", "me", "mine", "we", "our", "us", "ich", "mein", "meine", "meinen", "meinem"),
        *("meiner", "mir", "mich", "wir", "unser", "unsere", "yo", "mi", "mis", "nos", "je", "mon"),
        *("ma", "mes", "moi", "nous", "eu", "meu", "minha", "meus", "minhas", "nosso", "io", "mio"),
        *("mia", "miei", "mie", "noi"),
    )
)
# Of many readings the highest is high by chance, so a long text needs more: log-odds for each
# doubling of its lines, and in all. `HEAD_START` comes to nothing there: records ask for self-harm.
SHORT, RISE, HIGHEST_RISE = 16, 0.2, 1.0
BATCH = 16  # lines that are read in one step: 0.2 ms, of unknown words 1 ms


class Peak(NamedTuple):
    """A passage that may report an emergency: its log-odds, its last line, its number of lines."""

    odds: float
    at: int
    size: int


class Reading(NamedTuple):
    """A turn as it was read: its lines, and the passages above the threshold, the likeliest
    first."""

    role: str
    lines: Sequence[str]
    peaks: Sequence[Peak]


class Raised(NamedTuple):
    """Ids of red flags: those that hold, those that their writer has said are over, and those that
    nothing but the setting raises."""

    now: Sequence[str] = ()
    earlier: Sequence[str] = ()
    in_setting: Sequence[str] = ()


Steps = Generator[None, None, Raised]
Room = Literal["now", "earlier", "in_setting"]


@dataclass(frozen=True, slots=True)
class Screener:
    """Screens the prompts of one gateway, and words their notices."""

    wording: Wording
    audience: Audience
    names: Mapping[str, str]  # of whom to call
    threshold: float  # log-odds from which there is a notice
    notice_rules: str | None  # their version; None: nothing is screened

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
        """Return the languages that are screened."""
        return SCREENED if self.audience != "off" else ()

    def screen(self, turns: Sequence[Turn]) -> Steps:
        """Screen the turns of a conversation in short steps; none where nobody is to read what they
        raise."""
        if self.audience == "off":
            return Raised()
        return (yield from screening_of(turns, self.threshold))

    def notices_of(self, raised: Raised) -> list[Mapping[str, str]]:
        """Return the notices of what is raised, which need no answer."""
        now = [self._notice(topic) for topic in raised.now]
        return [*now, *(self._notice(topic, is_earlier=True) for topic in raised.earlier)]

    def _notice(self, topic: str, *, is_earlier: bool = False) -> Mapping[str, str]:
        return notice(topic, self.wording, self.audience, self.names, is_earlier=is_earlier)


class PromptScreening:
    """The screening of what a caller sent: done at once, or in steps of a millisecond between which
    all others run, if the text is long.

    `settle` has to be awaited before the first byte, whose headers name the notices.
    """

    __slots__ = ("_limit_s", "_record", "_screener", "_task")

    def __init__(
        self, screener: Screener, record: RequestRecord, limit_s: float = SCREENING_S
    ) -> None:
        self._screener = screener
        self._record = record
        self._limit_s = limit_s
        self._task: asyncio.Task[Raised] | None = None

    def begin(self, turns: Sequence[Turn]) -> None:
        """Note the language, and the red flags of a short text; start to read a long one."""
        record, screener = self._record, self._screener
        record.language = language_of(turns[-1].text) if turns else None
        record.notice_rules = screener.notice_rules
        if record.language == OTHER and screener.languages and is_in_other_language(turns):
            record.screening_warnings += ("language_not_screened",)
        steps = screener.screen(turns)
        if len(turns) > MANY_TURNS or sum(len(turn.text) for turn in turns) > LONG_TEXT:
            self._task = asyncio.create_task(in_turns(steps))
        else:
            self._note(finish(steps))

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
        """Add the notices and warnings to a label."""
        label["notices"] = self._record.notices
        if self._record.screening_warnings:
            label["warnings"] = [*self._record.screening_warnings]

    def _note(self, raised: Raised) -> None:
        record, screener = self._record, self._screener
        record.notices = screener.notices_of(raised)
        record.resolved, record.in_setting = raised.earlier, raised.in_setting


async def in_turns(steps: Steps) -> Raised:
    """Screen a step at a time, in turn with all else that the loop has to do."""
    while True:
        if (outcome := step(steps)) is not None:
            return outcome
        await asyncio.sleep(0)


def raised(turns: Sequence[Turn], threshold: float) -> Raised:
    """Return the red flags of the turns of a conversation, the oldest turn first."""
    return finish(screening_of(turns, threshold))


def finish(steps: Steps) -> Raised:
    """Return what steps come to, without letting others run between them."""
    while (outcome := step(steps)) is None:
        pass
    return outcome


def step(steps: Steps) -> Raised | None:
    """Take one step; return what all come to after the last one."""
    try:
        next(steps)
    except StopIteration as end:
        outcome: Raised = end.value
        return outcome
    return None


def screening_of(turns: Sequence[Turn], threshold: float) -> Steps:
    """Screen in steps of a millisecond, between which others may run."""
    readings: list[Reading] = []
    for turn in turns:
        readings.append((yield from reading_of(turn, threshold)))
        yield  # an empty turn takes no step
    return (yield from judged(readings, threshold))


def reading_of(turn: Turn, threshold: float) -> Generator[None, None, Reading]:
    """Read a turn, each line alone and with the one before it."""
    lines: list[str] = []
    for part in parts_of(turn.text):
        lines += lines_of(part)
        yield
    least = threshold_for(SELF_HARM, len(lines), threshold)
    enough = threshold_for(GENERAL, len(lines), threshold)
    likeliest = Likeliest()
    for start in range(0, len(lines), BATCH):
        readings = odds_of(lines, start)
        if max(map(max, readings)) >= least:
            likeliest.add(peaks_of(readings, start, least, enough))
        yield
    return Reading(turn.role, lines, likeliest.sorted())


class Likeliest:
    """The likeliest peaks of a turn, `LOOKED_AT` at most, and `REPEATS` of the same passage: equal
    log-odds are equal words."""

    def __init__(self) -> None:
        self._peaks: list[Peak] = []
        self._seen: dict[float, int] = defaultdict(int)

    def add(self, peaks: Iterable[Peak]) -> None:
        """Take in the peaks of a batch."""
        for peak in peaks:
            self._seen[peak.odds] += 1
            if self._seen[peak.odds] <= REPEATS:
                self._peaks.append(peak)
        if len(self._peaks) > 2 * LOOKED_AT:
            self._peaks = self.sorted()

    def sorted(self) -> list[Peak]:
        """Return the peaks, the likeliest first."""
        return heapq.nlargest(LOOKED_AT, self._peaks)


@lru_cache(1024)
def threshold_for(topic: str, lines: int, threshold: float) -> float:
    """Return the log-odds that a passage of a topic needs among so many lines."""
    doublings = math.log2(max(lines, SHORT) / SHORT)
    rise = min(RISE * doublings, HIGHEST_RISE)
    head_start = HEAD_START if topic == SELF_HARM else 0.0
    return threshold + rise - head_start * (1 - rise / HIGHEST_RISE)


def odds_of(lines: Sequence[str], start: int) -> list[tuple[float, float]]:
    """Return the log-odds of each line of a batch, alone and with the one before it."""
    question = model().emergency
    before = question.read(lines[start - 1]) if start else NOTHING
    weighed = [before, *map(question.read, lines[start : start + BATCH])]
    return [
        (second[-1], question.odds_of_both(first, second)) for first, second in pairwise(weighed)
    ]


def peaks_of(
    readings: Sequence[tuple[float, float]], start: int, least: float, enough: float
) -> Iterator[Peak]:
    """Return the passages of a batch that may suffice: a line that does so by itself, or else with
    the one before, so that two emergencies in a row keep a topic each."""
    for at, (alone, both) in enumerate(readings, start):
        if alone >= least:
            yield Peak(alone, at, 1)
        if both >= least and alone < enough:
            yield Peak(both, at, 2)


def judged(readings: Sequence[Reading], threshold: float) -> Steps:
    """Return what the turns raise together, the last one judged first."""
    first = next((at for at, reading in enumerate(readings) if reading.peaks), None)
    if first is None:
        return Raised()
    over: dict[str, set[str]] = defaultdict(set)  # words of what each writer says is over
    rooms: dict[tuple[Room, str], None] = {}  # the last one first, each where it is said first
    for at in range(len(readings) - 1, first - 1, -1):
        reading = readings[at]
        topics = yield from topics_of(reading, threshold)
        for topic, peak in reversed(topics):
            place = room_of(reading, topic, peak, over[reading.role]), topic
            rooms.pop(place, None)
            rooms[place] = None
        if at > first:
            over[reading.role] |= yield from over_words(reading)
    held: dict[Room, dict[str, None]] = {room: {} for room in get_args(Room)}
    for room, topic in reversed(rooms):
        held[room][topic] = None
    now, earlier, in_setting = without_repeats(held)
    return Raised(now, earlier, in_setting)


def room_of(reading: Reading, topic: str, peak: Peak, over: Set[str]) -> Room:
    """Return whether a topic holds, is over, or is raised by what an application always says."""
    if reading.role in SETTING_ROLES:
        return "in_setting"
    signs = model().topics.signs(topic, words_of(reading, peak))
    return "now" if topic in LASTING or signs.isdisjoint(over) else "earlier"


def without_repeats(held: Mapping[Room, Mapping[str, None]]) -> Iterator[list[str]]:
    """Return the topics of each room, without those of a room before."""
    seen: set[str] = set()
    for topics in held.values():
        yield [topic for topic in topics if topic not in seen]
        seen.update(topics)


def topics_of(reading: Reading, threshold: float) -> Generator[None, None, list[tuple[str, Peak]]]:
    """Return the topics of a turn, `MOST` at most, each with the passage that reports it best."""
    topics: dict[str, Peak] = {}
    frame = cache(lambda at: model().frame.is_likely(reading.lines[at]))
    for peak in reading.peaks:
        words = words_of(reading, peak)
        topic = model().topics.of(words)
        is_enough = peak.odds >= threshold_for(topic, len(reading.lines), threshold)
        if topic not in topics and is_enough and not is_framed(reading, topic, peak, words, frame):
            topics[topic] = peak
        yield
        if len(topics) == MOST:
            break
    return list(topics.items())


def is_framed(
    reading: Reading, topic: str, peak: Peak, words: Sequence[str], frame: Callable[[int], bool]
) -> bool:
    """Return whether a line close by says that no present patient is meant."""
    if topic in UNFRAMED or not SPEAKER.isdisjoint(words):
        return False
    near = range(max(0, peak.at - REACH), min(peak.at + REACH + 1, len(reading.lines)))
    return any(map(frame, near))


def over_words(reading: Reading) -> Generator[None, None, set[str]]:
    """Return the words of the lines that say that something is over."""
    words: set[str] = set()
    for start in range(0, len(reading.lines), BATCH):
        for line in filter(model().over.is_likely, reading.lines[start : start + BATCH]):
            words.update(line.split())
        yield
    return words


def words_of(reading: Reading, peak: Peak) -> list[str]:
    """Return the words of a passage."""
    lines = reading.lines[peak.at + 1 - peak.size : peak.at + 1]
    return [word for line in lines for word in line.split()]
