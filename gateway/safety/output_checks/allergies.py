"""Allergies that a prompt names: a drug of that kind in the answer, and an answer without them.

A sentence of the answer that itself speaks of the allergy, or against the drug, is silent.
"""

import re
from bisect import bisect
from collections.abc import Iterator
from typing import NamedTuple

from gateway.safety.output_checks.drugs import Drug, mentions
from gateway.safety.output_checks.quantities import quantities
from gateway.safety.output_checks.words import around, words_of

# "allergic to penicillin"; "a penicillin allergy" is found by the words before it.
STATED = re.compile(
    r"(?i)\b(?:allergic to|allergy to|allergies? ?(?:include|:|-|are|is)|"
    r"anaphylaxis (?:to|with|from|after)|(?:allergic|severe|adverse|bad) reactions? (?:to|after)|"
    r"hypersensitivity to|intolerant (?:to|of)|intolerance (?:to|of))\s{0,3}([^.;\n]{2,120})"
)
KEYS = frozenset(
    words_of(
        "allergic allergy allergies anaphylaxis reaction reactions hypersensitivity intolerant "
        "intolerance "
    )
)
LONGEST = 160
NAMED_BEFORE = re.compile(r"(?i)[ -]allerg(?:y|ic)\b(?! (?:to|:))")
WORDS_BEFORE = re.compile(r"(?i)(?:[\w-]{1,30} )?[\w-]{1,30}$")
NONE = re.compile(
    r"(?i)\b(?:no|not|denies|without|never|nkda|none|isn't|family|mother|father|sister|brother)\b"
)
SPEAKS_OF = re.compile(r"(?i)allerg|alerg|anaphyl|hypersens|intoleran|unverträglich")
AGAINST = re.compile(
    r"(?i)\b(?:allerg\w*|avoid\w*|contraindicat\w*|not|never|no|don't|instead|rather than|"
    r"anaphyla\w*|hypersensitiv\w*|cross-react\w*|alternatives?|stop\w*|discontinu\w*|withh[eo]ld|"
    r"except|unless|caution|intoleran\w*|rash\w*|react\w*|hives|urticaria)\b"
)
REACTION = re.compile(r"(?i)\b(?:vomit\w*|nausea|swelling|swells|itch\w*|wheez\w*|breathless\w*)\b")
DESPITE = re.compile(
    r"(?i)\b(?:despite|regardless|even though|although|in spite)\b[^.]{0,60}allerg"
)
REFUSED = re.compile(r"(?i)\b(?:avoid\w*|contraindicat\w*|not|never|don't|stop\w*|withh[eo]ld)\b")
SENTENCE = re.compile(r"[^.!?\n]+(?:\.\d[^.!?\n]*)*")
HEADING = re.compile(r"(?:#+ .*|.{1,60}:\**)")
HEADED_AGAINST = re.compile(
    r"(?i)\b(?:allerg\w*|avoid|contraindicat\w*|do not \w+|intoleranc\w*)\b"
)
SHORT = 24  # characters of a heading without a mark
BEFORE = 40  # characters in which a denial stands, and the words before "allergy"
# Words for a kind of drug to which all of the kind are meant; a cephalosporin is no penicillin.
KINDS = {
    **{name: name for name in ("penicillin", "sulfa", "nsaid", "statin", "opioid", "macrolide")},
    "quinolone": "quinolone",
    "ace": "ace",
    **dict.fromkeys(("pen", "pcn"), "penicillin"),
    **dict.fromkeys(("sulpha", "sulphonamide", "sulfonamide"), "sulfa"),
    **{name: name for name in ("latex", "peanut", "iodine", "shellfish", "egg", "nut", "plaster")},
}
KIND = re.compile(rf"(?i)\b({'|'.join(KINDS)})s?\b")
Allergies = frozenset[str]  # names of drugs, and kinds


class Statement(NamedTuple):
    """The words that name what somebody is allergic to, and where the statement begins."""

    named: str
    start: int


def statements(text: str) -> Iterator[Statement]:
    """Yield what follows "allergic to", and the words before "allergy"."""
    for stated in around(STATED, text, KEYS, LONGEST):
        yield Statement(stated[1], stated.start())
    for allergy in around(NAMED_BEFORE, text, KEYS, LONGEST):
        first = max(0, allergy.start() - BEFORE)
        if words := WORDS_BEFORE.search(text[first : allergy.start()]):
            yield Statement(words[0], first + words.start())


def allergies(text: str) -> Allergies:
    """Return the drugs and kinds that somebody is said to be allergic to."""
    text = text.lower()
    substances: set[str] = set()
    for named, start in statements(text):
        last = text[max(0, start - BEFORE) : start].rpartition(".")[2].rpartition("\n")[2]
        if NONE.search(last) or NONE.search(named[:12]):
            continue
        substances.update(mention.drug.name for mention in mentions(named))
        substances.update(KINDS[kind.lower()] for kind in KIND.findall(named))
    return frozenset(substances)


def conflicts(text: str, known: Allergies) -> Iterator[Drug]:
    """Yield the drugs that an answer speaks for, although the prompt names an allergy to them."""
    text = text.lower()
    meant = (
        [mention for mention in mentions(text) if is_meant(mention.drug, known)] if known else []
    )
    starts = [mention.start for mention in meant]
    for sentence, heading in sentences(text) if meant else ():
        inside = meant[bisect(starts, sentence.start() - 1) : bisect(starts, sentence.end() - 1)]
        if inside and not speaks_against(sentence.group(), heading):
            yield from (mention.drug for mention in inside)


def sentences(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each sentence with the heading that it stands under, to the next heading or gap."""
    heading, has_content, start = "", False, 0
    for line in text.split("\n"):
        stripped = line.strip()
        if is_heading(stripped):
            heading, has_content = stripped, False
        elif stripped:
            has_content = True
        elif has_content and not heading.startswith("#"):
            heading = ""
        for sentence in SENTENCE.finditer(text, start, start + len(line)):
            yield sentence, heading
        start += len(line) + 1


def is_heading(line: str) -> bool:
    """Return whether a line is a heading: marked as one, or no more than "ALLERGIES"."""
    is_short = len(line) <= SHORT and line[-1:] not in (".", ",", ";")
    return bool(HEADING.fullmatch(line) or (is_short and HEADED_AGAINST.match(line)))


def speaks_against(sentence: str, heading: str) -> bool:
    """Return whether a sentence, or the heading over it, speaks against the drug that it names."""
    if DESPITE.search(sentence):
        return REFUSED.search(sentence) is not None
    if REACTION.search(sentence) and not any(True for _ in quantities(sentence)):
        return True
    return bool(AGAINST.search(sentence) or HEADED_AGAINST.search(heading))


def is_meant(drug: Drug, known: Allergies) -> bool:
    """Return whether there is an allergy to a drug."""
    return drug.name in known or bool(drug.kinds & known)


def is_left_out(text: str, known: Allergies) -> bool:
    """Return whether a text speaks of no allergy at all, although there is one."""
    if not known or SPEAKS_OF.search(text):
        return False
    named = {mention.drug.name for mention in mentions(text)} | {
        KINDS[kind.lower()] for kind in KIND.findall(text)
    }
    return not named & known
