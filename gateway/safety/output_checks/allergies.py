"""Allergies that a prompt names, and a drug of that kind in the answer.

A sentence of the answer that itself speaks of the allergy, or against the drug, is silent.
"""

import re
from bisect import bisect
from collections.abc import Iterator
from itertools import chain

import re2

from gateway.safety.output_checks.drugs import Drug, mentions

# "allergic to penicillin", and "a penicillin allergy".
STATED = (
    re2.compile(
        r"(?i)\b(?:allergic to|allergy to|allergies? ?(?:include|:|-|are|is)|"
        r"anaphylaxis (?:to|with|from|after)|hypersensitivity to|intolerant (?:to|of))"
        r"\s*([^.;\n]{2,120})"
    ),
    re2.compile(r"(?i)\b([\w-]+(?: [\w-]+)?)[ -]allerg(?:y|ic)\b"),
)
NONE = re2.compile(
    r"(?i)\b(?:no|not|denies|without|never|nkda|none|isn't|family|mother|father|sister|brother)\b"
)
AGAINST = re2.compile(
    r"(?i)\b(?:allerg\w*|avoid\w*|contraindicat\w*|not|never|no|don't|instead|rather than|"
    r"anaphyla\w*|hypersensitiv\w*|cross-react\w*|alternatives?|stop\w*|discontinu\w*|withhold|except|unless|"
    r"caution|intoleran\w*)\b"
)
SENTENCE = re.compile(r"[^.!?\n]+(?:\.\d[^.!?\n]*)*")
BEFORE = 40  # characters in which a denial stands
# Words for a kind of drug to which all of the kind are meant; a cephalosporin is no penicillin.
KINDS = ("penicillin", "sulfa", "nsaid", "statin", "opioid", "macrolide", "quinolone", "ace")
KIND = re2.compile(rf"(?i)\b({'|'.join(KINDS)})s?\b")
Allergies = frozenset[str]  # names of drugs, and kinds


def allergies(text: str) -> Allergies:
    """Return the drugs and kinds that somebody is said to be allergic to."""
    found: set[str] = set()
    for one in chain.from_iterable(pattern.finditer(text) for pattern in STATED):
        named = one.group(1)
        before = text[max(0, one.start() - BEFORE) : one.start()]
        last = before.rpartition(".")[2].rpartition("\n")[2]
        if NONE.search(last) or NONE.search(named[:12]):
            continue
        found.update(mention.drug.name for mention in mentions(named))
        found.update(kind.lower() for kind in KIND.findall(named))
    return frozenset(found)


def conflicts(text: str, known: Allergies) -> Iterator[Drug]:
    """Yield the drugs that an answer speaks for, although the prompt names an allergy to them."""
    text = text.lower()
    meant = [one for one in mentions(text) if is_meant(one.drug, known)] if known else []
    starts = [one.start for one in meant]
    for sentence in SENTENCE.finditer(text) if meant else ():
        inside = meant[bisect(starts, sentence.start() - 1) : bisect(starts, sentence.end() - 1)]
        if inside and not AGAINST.search(sentence.group()):
            yield from (one.drug for one in inside)


def is_meant(drug: Drug, known: Allergies) -> bool:
    """Return whether there is an allergy to a drug."""
    return drug.name in known or bool(drug.kinds & known)
