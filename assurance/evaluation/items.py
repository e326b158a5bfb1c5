"""Items of an evaluation: each is a question with the rule that scores its answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assurance.evaluation.rules.choice import Choice
from assurance.evaluation.rules.dose import Dose
from assurance.evaluation.rules.grounding import Grounding
from assurance.evaluation.rules.rubric import Rubric
from launcher.errors import LauncherError

OWN: Final = Path(__file__).with_name("own")
PLAIN: Final = {
    "missing": "this field is missing",
    "union_tag_not_found": "its kind is missing",
    "json_invalid": "this is no JSON object in UTF-8",
}
Word = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w.:# -]+$")]

Rule = Annotated[Choice | Dose | Grounding | Rubric, Field(discriminator="kind")]


class DataError(LauncherError):
    """A file of items cannot be read; the message names file and line, never the content."""


class ItemTurn(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class Item(BaseModel):
    """One question. Items with the same `family` are wordings of one question.

    `given` is an answer that is scored instead of the model's, to calibrate a judge.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Word
    group: Word = "own"
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    prompt: str = ""
    messages: tuple[ItemTurn, ...] = ()
    rule: Rule
    family: str = Field("", max_length=80)
    given: str = ""

    @model_validator(mode="after")
    def is_asked(self) -> "Item":
        """Refuse an item that has no question, or two."""
        if bool(self.prompt.strip()) == bool(self.messages):
            raise ValueError("give either prompt or messages")
        if self.messages and self.messages[-1].role != "user":
            raise ValueError("the last message has to be the user's")
        return self

    @property
    def turns(self) -> list[dict[str, str]]:
        """The conversation that is sent."""
        if self.messages:
            return [message.model_dump() for message in self.messages]
        return [{"role": "user", "content": self.prompt}]

    @property
    def is_trap(self) -> bool:
        """Return whether the given answer tells the judge how to decide."""
        return self.group.startswith("injection")

    @property
    def chance(self) -> float | None:
        """The expected score of guessing; None if the question cannot be guessed."""
        return self.rule.chance if isinstance(self.rule, Choice) else None


def read_items(file: Path) -> Sequence[Item]:
    """Return the items of a JSONL file. Raises DataError."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    return refuse_duplicates(file, [make_item(file, number, line) for number, line in numbered])


def make_item(file: Path, number: int, line: bytes) -> Item:
    """Build one item. Raises DataError with line and field."""
    try:
        return Item.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the item"
        reason = PLAIN.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise DataError(f"{file}, line {number}, {where}: {reason}.") from None


def refuse_duplicates(file: Path, items: Sequence[Item]) -> Sequence[Item]:
    """Return the items. Raises DataError if there are none, or if two have the same id."""
    if not items:
        raise DataError(f"{file} has no items.")
    known: set[str] = set()
    for number, item in enumerate(items, start=1):
        if item.id in known:
            raise DataError(f"{file}, item {number}: another item has the same id.")
        known.add(item.id)
    return items
