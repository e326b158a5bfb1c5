"""Frequencies of drugs: one that the document does not have for the same drug."""

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.safety.output_checks.doses import has_end
from gateway.safety.output_checks.drugs import mentions
from gateway.safety.output_checks.quantities import quantities
from gateway.safety.output_checks.words import around, words_of

# Times a day, as patients say it and as charts abbreviate it; the first that matches is meant.
WRITTEN: Mapping[float, str] = {
    1 / 30: r"(?:once )?monthly|(?:once )?(?:a|every|per|each) month",
    1 / 7: r"(?:once )?(?:a|per|every|each|one) week|(?:once[ -])?weekly|every 7 days|"
    r"(?:on|every) (?:mon|tues|wednes|thurs|fri|satur|sun)days?",
    0.5: r"every other day|(?:on )?alternate days?|every (?:second day|48 hours)",
    2: r"twice (?:a |per |each )?(?:day|daily)|two times (?:a |per )?(?:day|daily)|bd|bid|"
    r"b\.i\.d\.?|every (?:12|twelve) hours|12[ -]hourly|q12h|morning and (?:evening|night)",
    3: r"(?:three|3) times (?:a |per )?(?:day|daily)|tds|tid|t\.i\.d\.?|every (?:8|eight) hours|"
    r"8[ -]hourly|q8h",
    4: r"(?:four|4) times (?:a |per )?(?:day|daily)|qds|qid|q\.i\.d\.?|every (?:6|six) hours|"
    r"6[ -]hourly|q6h",
    6: r"(?:six|6) times (?:a |per )?(?:day|daily)|every (?:4|four) hours|4[ -]hourly|q4h",
    1: r"(?:once|one time) (?:a |per |each |every )?(?:day|daily)|(?:every|each) day|daily|"
    r"od|qd|every 24 hours|q24h|every (?:morning|evening|night)|nightly|nocte|mane|"
    r"at (?:night|bedtime)|in the (?:morning|evening)",
}
FREQUENCY = re.compile(
    r"(?i)\b(?:" + "|".join(f"({written})" for written in WRITTEN.values()) + r")(?!\w)"
)
# One of these words is in every frequency.
KEYS = frozenset(
    words_of(
        "daily day days bd bid b q12h q8h q6h q4h q24h tds tid t qds qid q od qd week weekly "
        "month monthly hours hourly morning evening night nightly nocte mane bedtime mondays "
        "tuesdays wednesdays thursdays fridays saturdays sundays monday tuesday wednesday "
        "thursday friday saturday sunday "
    )
)
LONGEST = 40  # characters of a frequency
TIMES = tuple(WRITTEN)
NEAR = 90  # characters from a drug to how often it is taken
WEEKLY = ("methotrexate",)  # taken once a week outside oncology; daily doses have killed
DENIED = re.compile(
    r"(?i)\b(?:not|never|no|don't|avoid|instead of|rather than|danger\w*|fatal\w*|error\w*|"
    r"toxic\w*|inadvertent\w*|accidental\w*|mistak\w*)\b"
)
SENTENCE_REACH = 80


class Taken(NamedTuple):
    """The number of times a day that a drug is taken; `drug` is empty where none is named."""

    drug: str
    times: float
    is_denied: bool


Frequencies = Mapping[str, frozenset[float]]


def found(lowered: str) -> Iterator[re.Match[str]]:
    """Yield every frequency of a text in small letters."""
    return around(FREQUENCY, lowered, KEYS, LONGEST)


def taken(text: str) -> Iterator[Taken]:
    """Yield every frequency with the drug that is named before it in its sentence."""
    text = text.lower()
    named = mentions(text)
    starts = [mention.start for mention in named]
    last = 0
    for match in found(text):
        at = bisect(starts, match.start())
        first = named[at - 1].end if at else 0
        is_its_own = at > 0 and last <= first and is_one_line(text[first : match.start()])
        last = match.end()
        nearby = text[max(0, match.start() - SENTENCE_REACH) : match.end() + SENTENCE_REACH]
        is_denied = DENIED.search(nearby) is not None
        times = TIMES[(match.lastindex or 1) - 1]
        yield Taken(named[at - 1].drug.name if is_its_own else "", times, is_denied)


def is_one_line(between: str) -> bool:
    """Return whether what stands between a drug and a frequency is about that drug: no second
    dose, which would be that of another drug."""
    if len(between) > NEAR or has_end(between):
        return False
    return sum(1 for _ in quantities(between)) <= 1


def by_drug(text: str) -> Frequencies:
    """Return how often each drug is taken; under no name what belongs to none."""
    known: defaultdict[str, set[float]] = defaultdict(set)
    for frequency in taken(text):
        known[frequency.drug].add(frequency.times)
    return {drug: frozenset(times) for drug, times in known.items()}


def is_other(one: Taken, known: Frequencies) -> bool:
    """Return whether a document says only otherwise how often a drug is taken."""
    own = known.get(one.drug, frozenset()) if one.drug else frozenset()
    return bool(own) and one.times not in own | known.get("", frozenset())


def is_too_often(one: Taken) -> bool:
    """Return whether a drug that is taken once a week is said to be taken daily."""
    return one.drug in WEEKLY and one.times >= 0.5 and not one.is_denied
