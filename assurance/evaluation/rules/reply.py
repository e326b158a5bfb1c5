"""A reply of the service, and the score a rule gives it."""

from abc import abstractmethod
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a client receives it: the text and what comes beside it."""

    text: str
    reasoning: str = ""
    notices: int = 0


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
    def score(self, reply: Reply) -> Score:
        """Score a reply."""


def verdict(*, is_right: bool, reason: str) -> Score:
    """Return 1 for a right answer, 0 and the reason for a wrong one."""
    return Score(1.0, "right") if is_right else Score(0.0, reason)
