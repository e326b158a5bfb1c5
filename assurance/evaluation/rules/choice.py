"""Multiple choice: the label that an answer names, constrained by the engine or found in prose."""

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
        """Refuse a key that is none of the choices."""
        if self.answer not in self.choices:
            raise ValueError("the answer is none of the choices")
        return self

    @property
    def chance(self) -> float:
        """The expected score of guessing."""
        return 1 / len(self.choices)

    def score(self, reply: Reply) -> Score:
        """Compare the chosen label with the key; an answer without one is wrong."""
        label = chosen(reply.text, tuple(self.choices))
        if label is None:
            return Score(0.0, "no choice")
        is_right = label == self.answer
        return Score(float(is_right), "right" if is_right else "wrong", label)


def chosen(text: str, labels: tuple[str, ...]) -> str | None:
    """Return the label an answer chooses: as JSON, alone, announced, or as its only bare label."""
    said = from_json(text) or text.strip()
    exact = {label.casefold(): label for label in labels}
    if option := exact.get(said.strip(" .()*:\n").casefold()):
        return option
    label = "|".join(re.escape(label) for label in labels)
    announced = re.findall(rf"{ANNOUNCED}[(*\"]*({label})\b(?!')", said, re.IGNORECASE)
    if announced:
        return exact.get(announced[-1].casefold())  # none for another alphabet's capital
    return only(re.findall(rf"(?:^|[\s(*])({label})(?=[).:*]|$)", said, re.MULTILINE), said, labels)


def only(bare: list[str], said: str, labels: tuple[str, ...]) -> str | None:
    """Return the one label that is named; words such as yes and no count anywhere in a short
    answer; a long one has them in other sentences as well."""
    named = set(bare)
    if all(len(label) > 1 for label in labels):
        told = re.findall(r"\w+", said.casefold())
        words = set(told) if len(told) <= SHORT else set()
        named = {label for label in labels if label.casefold() in words}
    return named.pop() if len(named) == 1 else None


def from_json(text: str) -> str | None:
    """Return the answer in a JSON object or string; None for anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value = document.get("answer") if isinstance(document, dict) else document
    return value if isinstance(value, str) else None
