"""The score that a rule gives the text of a reply."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

SHINGLE: Final = 8  # words in a row that are no coincidence


@dataclass(frozen=True, slots=True)
class Score:
    """`value` is from 0 to 1, or None if the reply was not scored; `answer` is the choice that was
    found; `reason` is one of a few words, never text of the reply."""

    value: float | None
    reason: str
    answer: str | None = None


class ScoringRule(BaseModel):
    """Base of the rules that define a right reply; `kind` names the rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def score(self, reply: str) -> Score:
        """Score a reply."""


def normal(text: str) -> str:
    """Normalise a text: lower case, single spaces, straight apostrophes."""
    return re.sub(r"\s+", " ", text.casefold().replace("\u2019", "'")).strip()


def shingles(text: str) -> set[tuple[str, ...]]:
    """Return every run of eight words."""
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[at : at + SHINGLE]) for at in range(len(words) - SHINGLE + 1)}
