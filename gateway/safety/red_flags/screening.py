"""Decide which red flags the turns of a conversation raise.

Every turn is read line by line, and each line once more with the line before it; the highest
reading counts, whatever stands around it. Two things speak against one: a frame close by (an exam
item, fiction, a document about emergencies in general), and a later turn of the same writer that
says of the same sign that it is over. No frame silences `UNFRAMED`, and nothing that is said later
ends `LASTING`.
"""

import heapq
from collections.abc import Generator, Iterator, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

from gateway.safety.red_flags.model import NOTHING, model
from gateway.safety.red_flags.text import lines_of, parts_of
from gateway.safety.request_text import SETTING_ROLES, Turn

UNFRAMED = frozenset(["MED103", "MED104", "MED110"])  # anaphylaxis, self-harm, an ill child
# Stroke signs, anaphylaxis, self-harm, overdose and swallowed objects, head injury.
LASTING = frozenset(["MED102", "MED103", "MED104", "MED105", "MED114"])
REACH = 16  # lines on each side that a frame reaches
MOST = 3  # notices of one turn
LOOKED_AT = 8  # likeliest passages of a turn, whose topic and frame are looked for
SIGN = 4  # letters that a word has at least which tells a sign
BATCH = 128  # lines that are read in one step: 1 ms
NO_ODDS = float("-inf")


class Peak(NamedTuple):
    """A passage that may report an emergency: its log-odds, its last line, its number of lines."""

    odds: float
    at: int
    size: int


class Reading(NamedTuple):
    """A turn as it was read: its lines, the passages above the threshold, the likeliest first, and
    the highest log-odds of all."""

    role: str
    lines: Sequence[str]
    peaks: Sequence[Peak]
    odds: float


class Raised(NamedTuple):
    """Ids of red flags: those that hold, those that their writer has said are over, and those that
    nothing but the setting raises; with the highest log-odds of what the callers said."""

    now: Sequence[str] = ()
    earlier: Sequence[str] = ()
    in_setting: Sequence[str] = ()
    odds: float = NO_ODDS


Steps = Generator[None, None, Raised]
Outcome = TypeVar("Outcome")


def raised(turns: Sequence[Turn], threshold: float) -> Raised:
    """Return the red flags of the turns of a conversation, the oldest turn first."""
    return finish(screening_of(turns, threshold))


def finish(steps: Generator[None, None, Outcome]) -> Outcome:
    """Return what steps come to, without letting others run between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def screening_of(turns: Sequence[Turn], threshold: float) -> Steps:
    """Screen in steps of a millisecond, between which others may run."""
    readings: list[Reading] = []
    for turn in turns:
        readings.append((yield from reading_of(turn, threshold)))
    return judged(readings)


def reading_of(turn: Turn, threshold: float) -> Generator[None, None, Reading]:
    """Read a turn, each line alone and with the one before it."""
    lines: list[str] = []
    for part in parts_of(turn.text):
        lines += lines_of(part)
        yield
    peaks: list[Peak] = []
    odds = NO_ODDS
    for start in range(0, len(lines), BATCH):
        readings = odds_of(lines, start)
        odds = max(odds, max(map(max, readings)))
        peaks += peaks_of(readings, start, threshold)
        yield
    return Reading(turn.role, lines, heapq.nlargest(LOOKED_AT, peaks), odds)


def odds_of(lines: Sequence[str], start: int) -> list[tuple[float, float]]:
    """Return the log-odds of each line of a batch, alone and with the one before it."""
    question = model().emergency
    weighed = list(map(question.read, lines[start : start + BATCH]))
    before = question.read(lines[start - 1]) if start else NOTHING
    alone = map(question.odds, weighed)
    return list(zip(alone, map(question.odds_of_both, [before, *weighed], weighed), strict=False))


def peaks_of(
    readings: Sequence[tuple[float, float]], start: int, threshold: float
) -> Iterator[Peak]:
    """Return the passages of a batch that reach the threshold, with the better of two readings."""
    for at, (alone, both) in enumerate(readings, start):
        if both > alone and both >= threshold:
            yield Peak(both, at, 2)
        elif alone >= threshold:
            yield Peak(alone, at, 1)


def judged(readings: Sequence[Reading]) -> Raised:
    """Return what the turns raise together."""
    rooms: dict[str, dict[str, None]] = {"now": {}, "earlier": {}, "in_setting": {}}
    for number, reading in enumerate(readings):
        later = [each for each in readings[number + 1 :] if each.role == reading.role]
        for topic, peak in topics_of(reading).items():
            room = (
                "earlier"
                if topic not in LASTING and is_over(words_of(reading, peak), later)
                else "now"
            )
            rooms["in_setting" if reading.role in SETTING_ROLES else room][topic] = None
    now, earlier, setting = rooms.values()
    return Raised(
        [*now],
        [topic for topic in earlier if topic not in now],
        [topic for topic in setting if topic not in now and topic not in earlier],
        max((each.odds for each in readings if each.role not in SETTING_ROLES), default=NO_ODDS),
    )


def topics_of(reading: Reading) -> dict[str, Peak]:
    """Return the topics of a turn, `MOST` at most, each with the passage that reports it best."""
    topics: dict[str, Peak] = {}
    frame = cache(lambda at: model().frame.is_likely(reading.lines[at]))
    for peak in reading.peaks:
        near = range(max(0, peak.at - REACH), min(peak.at + REACH + 1, len(reading.lines)))
        topic = model().topics.of(words_of(reading, peak))
        if topic not in topics and (topic in UNFRAMED or not any(map(frame, near))):
            topics[topic] = peak
        if len(topics) == MOST:
            break
    return topics


def words_of(reading: Reading, peak: Peak) -> list[str]:
    """Return the words of a passage."""
    lines = reading.lines[peak.at + 1 - peak.size : peak.at + 1]
    return [word for line in lines for word in line.split()]


def is_over(words: Sequence[str], later: Sequence[Reading]) -> bool:
    """Return whether a later turn says of the same sign that it is over."""
    signs = {word for word in words if len(word) >= SIGN}
    return any(not signs.isdisjoint(line.split()) for line in endings(later))


def endings(readings: Sequence[Reading]) -> Iterator[str]:
    """Return the lines of some turns that say that something is over."""
    for reading in readings:
        yield from filter(model().over.is_likely, reading.lines)
