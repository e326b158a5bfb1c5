"""Multiple choice: find the label that an answer chooses, and compare it with the right one."""

import json
import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from assurance.evaluation.rules.reply import Reply, Score, ScoringRule

ANNOUNCED = (
    r"(?:answer|choice|option|antwort|respuesta|opción)\b(?! with)"
    r"[^\n.]{0,20}?(?:is|ist|es|:|=)?\s*"
)
SHORT = 20  # words


class Choice(ScoringRule):
    """The right one of two to ten choices; the label is a letter or a word."""

    kind: Literal["choice"]
    choices: Annotated[dict[str, str], Field(min_length=2, max_length=10)]
    answer: str

    @model_validator(mode="after")
    def has_answer(self) -> "Choice":
        """Refuse an answer that is not among the choices."""
        if self.answer not in self.choices:
            raise ValueError("the answer is none of the choices")
        return self

    @property
    def chance(self) -> float:
        """The expected score of guessing."""
        return 1 / len(self.choices)

    def score(self, reply: Reply) -> Score:
        """Compare the chosen label with the right one; an answer without a label is wrong."""
        label = find_label(reply.text, tuple(self.choices))
        if label is None:
            return Score(0.0, "no choice")
        is_right = label == self.answer
        return Score(float(is_right), "right" if is_right else "wrong", label)


def find_label(text: str, labels: tuple[str, ...]) -> str | None:
    """Return the label that an answer chooses, or None if that is not clear.

    The answer is JSON, or the label alone, or announces it ("The answer is B"), or has one label
    only that stands by itself.
    """
    answer = parse_json_answer(text) or text.strip()
    known = {label.casefold(): label for label in labels}
    if label := known.get(answer.strip(" .()*:\n").casefold()):
        return label
    any_label = "|".join(re.escape(label) for label in labels)
    announced = re.findall(rf"{ANNOUNCED}[(*\"]*({any_label})\b(?!')", answer, re.IGNORECASE)
    if announced:
        return known.get(announced[-1].casefold())  # none for another alphabet's capital
    bare = re.findall(rf"(?:^|[\s(*])({any_label})(?=[).:*]|$)", answer, re.MULTILINE)
    named = find_words(answer, labels) if all(len(label) > 1 for label in labels) else set(bare)
    return named.pop() if len(named) == 1 else None


def find_words(answer: str, labels: tuple[str, ...]) -> set[str]:
    """Return the labels among the words of a short answer; a long one may have them by chance."""
    words = re.findall(r"\w+", answer.casefold())
    return {label for label in labels if label.casefold() in words and len(words) <= SHORT}


def parse_json_answer(text: str) -> str | None:
    """Return the `answer` of a JSON object, or a JSON string; None for anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value = document.get("answer") if isinstance(document, dict) else document
    return value if isinstance(value, str) else None
