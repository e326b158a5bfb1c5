"""Score multiple choice: compare the label that an answer chooses with the right one."""

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from assurance.evaluation.rules.reply import Score, ScoringRule

# "The answer is", up to the label.
ANNOUNCEMENT = (
    r"(?:answer|choice|option|antwort|respuesta|opción)\b(?! with)"
    r"[^\n.]{0,20}?(?:is|ist|es|:|=)?\s*"
)
SHORT_ANSWER = 20  # words at most


class Choice(ScoringRule):
    """A question with two to ten choices, labelled with letters or words; `answer` is a label."""

    kind: Literal["choice"]
    choices: Annotated[dict[str, str], Field(min_length=2, max_length=10)]
    answer: str

    @model_validator(mode="after")
    def check_answer(self) -> "Choice":
        """Raise ValueError if the answer is not one of the choices."""
        if self.answer not in self.choices:
            raise ValueError("the answer is none of the choices")
        return self

    @property
    def chance(self) -> float:
        """The expected score of a random guess."""
        return 1 / len(self.choices)

    def score(self, reply: str) -> Score:
        """Return 1 for the right label; a wrong one, or none, scores 0."""
        label = find_label(reply, tuple(self.choices))
        if label is None:
            return Score(0.0, "no choice")
        is_right = label == self.answer
        return Score(float(is_right), "right" if is_right else "wrong", label)


def find_label(text: str, labels: tuple[str, ...]) -> str | None:
    """Return the label that an answer chooses, or None if the choice is unclear.

    The answer may consist of the label, announce it ("The answer is B"), or contain exactly one of
    the labels on its own.
    """
    answer = text.strip()
    known = {label.casefold(): label for label in labels}
    if label := known.get(answer.strip(" .()*:\n").casefold()):
        return label
    any_label = "|".join(re.escape(label) for label in labels)
    announced = re.findall(rf"{ANNOUNCEMENT}[(*\"]*({any_label})\b(?!')", answer, re.IGNORECASE)
    if announced:
        # None if IGNORECASE matched a letter outside ASCII.
        return known.get(announced[-1].casefold())
    bare = re.findall(rf"(?:^|[\s(*])({any_label})(?=[).:*]|$)", answer, re.MULTILINE)
    named = find_words(answer, labels) if all(len(label) > 1 for label in labels) else set(bare)
    return named.pop() if len(named) == 1 else None


def find_words(answer: str, labels: tuple[str, ...]) -> set[str]:
    """Return the labels among the words of a short answer; a long one may have some by chance."""
    words = re.findall(r"\w+", answer.casefold())
    return {label for label in labels if label.casefold() in words and len(words) <= SHORT_ANSWER}
