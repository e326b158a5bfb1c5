"""Detection of red flags in the turns of a conversation.

The classifier scores each line alone, and together with the line before it. The highest score
decides, independent of the text around it. Two things count against a passage:

- A frame nearby: an exam question, fiction, a document about emergencies in general. It suppresses
  no topic of `UNFRAMED`, and no passage in the first person (`SPEAKER`).
- A later turn of the same role that says that the same sign is over. The flag is then `earlier`,
  except for the topics of `LASTING`.

The work is split into steps of about a millisecond, so that the event loop can run other tasks.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

from gateway.api.request_text import SETTING_ROLES, Turn
from gateway.safety.red_flags.model import GENERAL, NOTHING, lines_of, model, parts_of

UNFRAMED = frozenset(["MED103", "MED104", "MED110"])  # anaphylaxis, self-harm, an ill child
# Stroke signs, anaphylaxis, self-harm, overdose and swallowed objects, an ill child, head injury.
LASTING = frozenset(["MED102", "MED103", "MED104", "MED105", "MED110", "MED114"])
REACH = 16  # lines on each side that a frame reaches
MOST = 3  # topics of one turn
# Its threshold is lower by these log-odds where a turn reports nothing else.
SELF_HARM, HEAD_START = "MED104", 2.0
MOST_PASSAGES = 64  # of a turn, for which topic and frame are determined
REPEATS = 4  # of one passage among these, so that copied notes do not hide later text
# Words of the first person, in which exam questions are never written. Two are also the Italian
# article `i` and `ma` ("but"), so a frame suppresses less in Italian.
SPEAKER = frozenset(
    (
        *("i", "my", "me", "mine", "we", "our", "us", "ich", "mein", "meine", "meinen", "meinem"),
        *("meiner", "mir", "mich", "wir", "unser", "unsere", "yo", "mi", "mis", "nos", "je", "mon"),
        *("ma", "mes", "moi", "nous", "eu", "meu", "minha", "meus", "minhas", "nosso", "io", "mio"),
        *("mia", "miei", "mie", "noi"),
    )
)
BATCH = 16  # lines in one step: 0.2 ms, or 1 ms for unknown words


class ScoredPassage(NamedTuple):
    """One or two lines that may report an emergency: log-odds, last line, number of lines."""

    odds: float
    at: int
    size: int


class ReadTurn(NamedTuple):
    """The lines of a turn, and its passages above the threshold, the likeliest first."""

    role: str
    lines: Sequence[str]
    passages: Sequence[ScoredPassage]

    def words(self, passage: ScoredPassage) -> list[str]:
        lines = self.lines[passage.at + 1 - passage.size : passage.at + 1]
        return [word for line in lines for word in line.split()]


class RedFlags(NamedTuple):
    """The present topics, topics that a later turn has resolved, and topics that only the
    application's own text raises."""

    now: Sequence[str] = ()
    earlier: Sequence[str] = ()
    in_setting: Sequence[str] = ()


Status = Literal["now", "earlier", "in_setting"]
Steps = Generator[None, None, RedFlags]


def detect(turns: Sequence[Turn], threshold: float) -> RedFlags:
    """Return the red flags of a conversation, whose oldest turn comes first."""
    return finish(detect_in_steps(turns, threshold))


def finish(steps: Steps) -> RedFlags:
    """Take all steps at once; return their result."""
    while (result := step(steps)) is None:
        pass
    return result


def step(steps: Steps) -> RedFlags | None:
    """Take one step; return the result after the last one."""
    try:
        next(steps)
    except StopIteration as end:
        result: RedFlags = end.value
        return result
    return None


def detect_in_steps(turns: Sequence[Turn], threshold: float) -> Steps:
    """Detect red flags in steps of about a millisecond."""
    read: list[ReadTurn] = []
    for turn in turns:
        read.append((yield from read_turn(turn, threshold)))
        yield  # an empty turn takes no step
    return (yield from combine(read, threshold))


def read_turn(turn: Turn, threshold: float) -> Generator[None, None, ReadTurn]:
    """Split a turn into lines, and find its passages above the threshold."""
    lines: list[str] = []
    for part in parts_of(turn.text):
        lines += lines_of(part)
        yield
    least = threshold_for(SELF_HARM, len(lines), threshold)
    enough = threshold_for(GENERAL, len(lines), threshold)
    likeliest = LikeliestPassages()
    for start in range(0, len(lines), BATCH):
        scores = score(lines, start)
        if max(map(max, scores)) >= least:
            likeliest.add(find_passages(scores, start, least, enough))
        yield
    return ReadTurn(turn.role, lines, likeliest.sorted())


class LikeliestPassages:
    """The likeliest passages of a turn, with at most `REPEATS` repetitions.

    Passages with the same log-odds count as repetitions.
    """

    def __init__(self) -> None:
        self._passages: list[ScoredPassage] = []
        self._seen: dict[float, int] = defaultdict(int)

    def add(self, passages: Iterable[ScoredPassage]) -> None:
        for passage in passages:
            self._seen[passage.odds] += 1
            if self._seen[passage.odds] <= REPEATS:
                self._passages.append(passage)
        if len(self._passages) > 2 * MOST_PASSAGES:
            self._passages = self.sorted()

    def sorted(self) -> list[ScoredPassage]:
        """Return the passages, the likeliest first."""
        return sorted(self._passages, reverse=True)[:MOST_PASSAGES]


@lru_cache(1024)
def threshold_for(topic: str, lines: int, threshold: float) -> float:
    """Return the log-odds that a passage of a topic needs in a text with this number of lines.

    The highest of many scores may be high by chance, so a short text needs less.
    """
    rises = model().rises
    doublings = min(math.log2(max(lines, 1)), len(rises) - 1)
    below = min(int(doublings), len(rises) - 2)
    rise = rises[below] + (doublings - below) * (rises[below + 1] - rises[below])
    return threshold + rise - (HEAD_START if topic == SELF_HARM else 0.0)


def score(lines: Sequence[str], start: int) -> list[tuple[float, float]]:
    """Return the log-odds of each line of a batch, alone and with the line before it."""
    emergency = model().emergency
    before = emergency.read(lines[start - 1]) if start else NOTHING
    weighed = [before, *map(emergency.read, lines[start : start + BATCH])]
    return [
        (second[-1], emergency.odds_of_both(first, second)) for first, second in pairwise(weighed)
    ]


def find_passages(
    scores: Sequence[tuple[float, float]], start: int, least: float, enough: float
) -> Iterator[ScoredPassage]:
    """Yield the passages of a batch that reach `least`. A pair counts only if its second line alone
    is not enough, so that two consecutive emergencies each have a topic."""
    for at, (alone, both) in enumerate(scores, start):
        if alone >= least:
            yield ScoredPassage(alone, at, 1)
        if both >= least and alone < enough:
            yield ScoredPassage(both, at, 2)


def combine(turns: Sequence[ReadTurn], threshold: float) -> Steps:
    """Return the red flags of all turns, from the newest to the oldest."""
    first = next((at for at, turn in enumerate(turns) if turn.passages), len(turns))
    resolved: dict[str, set[str]] = defaultdict(set)  # by role: words of resolved signs
    flags: dict[tuple[Status, str], None] = {}  # by their first mention, the latest first
    for at in range(len(turns) - 1, first - 1, -1):
        turn = turns[at]
        topics = yield from find_topics(turn, threshold)
        for topic, passage in reversed(topics.items()):
            flag = status_of(turn, topic, passage, resolved[turn.role]), topic
            flags.pop(flag, None)
            flags[flag] = None
        if at > first:
            resolved[turn.role] |= yield from resolved_words(turn)
    return RedFlags(*by_status([*reversed(flags)]))


def status_of(turn: ReadTurn, topic: str, passage: ScoredPassage, resolved: Set[str]) -> Status:
    """Return whether a topic is present, resolved, or part of the application's own text."""
    if turn.role in SETTING_ROLES:
        return "in_setting"
    signs = model().topics.signs(topic, turn.words(passage))
    return "now" if topic in LASTING or signs.isdisjoint(resolved) else "earlier"


def by_status(flags: Sequence[tuple[Status, str]]) -> Iterator[list[str]]:
    """Yield the topics of each status, without those of an earlier status."""
    seen: set[str] = set()
    for status in get_args(Status):
        topics = [topic for each, topic in flags if each == status and topic not in seen]
        seen.update(topics)
        yield topics


def find_topics(
    turn: ReadTurn, threshold: float
) -> Generator[None, None, dict[str, ScoredPassage]]:
    """Return at most `MOST` topics of a turn, each with the passage that reports it best."""
    topics: dict[str, ScoredPassage] = {}
    is_frame = cache(lambda at: model().frame.is_likely(turn.lines[at]))
    for passage in turn.passages:
        topic = model().topics.of(turn.words(passage))
        asked = threshold_for(GENERAL if topics else topic, len(turn.lines), threshold)
        is_enough = passage.odds >= asked
        if topic not in topics and is_enough and not is_framed(turn, topic, passage, is_frame):
            topics[topic] = passage
        yield
        if len(topics) == MOST:
            break
    return topics


def is_framed(
    turn: ReadTurn, topic: str, passage: ScoredPassage, is_frame: Callable[[int], bool]
) -> bool:
    """Return whether a line nearby shows that the text is not about a present patient."""
    if topic in UNFRAMED or not SPEAKER.isdisjoint(turn.words(passage)):
        return False
    near = range(max(0, passage.at - REACH), min(passage.at + REACH + 1, len(turn.lines)))
    return any(map(is_frame, near))


def resolved_words(turn: ReadTurn) -> Generator[None, None, set[str]]:
    """Return the words of all lines that say that a sign is over."""
    words: set[str] = set()
    for start in range(0, len(turn.lines), BATCH):
        for line in filter(model().over.is_likely, turn.lines[start : start + BATCH]):
            words.update(line.split())
        yield
    return words
