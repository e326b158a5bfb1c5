"""Items of an evaluation: each is a question with the rule that scores its answer."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assurance.evaluation import sheet
from assurance.evaluation.rules.choice import Choice
from assurance.evaluation.rules.dose import Dose
from assurance.evaluation.rules.grounding import Grounding
from assurance.evaluation.rules.rubric import Rubric
from assurance.evaluation.rules.served import ExpectedNotice, NoReasoning
from launcher.errors import LauncherError
from launcher.json_types import Json

OWN: Final = Path(__file__).with_name("own")
MOST_BYTES: Final = 1_000_000  # of one item: no model reads more
PLAIN: Final = {"missing": "this field is missing", "union_tag_not_found": "its kind is missing"}
Word = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w.:# -]+$")]

Rule = Annotated[
    Choice | Dose | Grounding | Rubric | ExpectedNotice | NoReasoning,
    Field(discriminator="kind"),
]


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
    subgroups: tuple[Word, ...] = ()
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
        return "injection" in self.subgroups

    @property
    def chance(self) -> float | None:
        """The expected score of guessing; None if the question cannot be guessed."""
        return self.rule.chance if isinstance(self.rule, Choice) else None


def read_items(file: Path) -> list[Item]:
    """Return the items of a JSONL or CSV file. Raises DataError."""
    is_sheet = file.suffix.lower() == ".csv"
    try:
        rows = sheet.read_rows(file) if is_sheet else read_lines(file)
        return refuse_duplicates(file, [make_item(file, number, fields) for number, fields in rows])
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except sheet.NotTable:
        raise DataError(f"{file} is no CSV in UTF-8 with a header: save it so.") from None


def read_lines(file: Path) -> Iterator[tuple[int, Json]]:
    """Yield number and object of each line that is not blank. Raises DataError."""
    with file.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            if line.strip():
                yield number, parse_line(file, number, line)


def parse_line(file: Path, number: int, line: bytes) -> Json:
    """Parse one line. Raises DataError."""
    if len(line) > MOST_BYTES:
        raise DataError(f"{file}, line {number}: an item has at most {MOST_BYTES // 1000} KB.")
    try:
        fields = json.loads(line)
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise DataError(f"{file}, line {number}: this is no JSON object in UTF-8.") from None
    if not isinstance(fields, dict):
        raise DataError(f"{file}, line {number}: this is no JSON object.")
    return fields


def make_item(file: Path, number: int, fields: Json) -> Item:
    """Build one item. Raises DataError with line and field."""
    try:
        return Item.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the item"
        reason = PLAIN.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise DataError(f"{file}, line {number}, {where}: {reason}.") from None


def refuse_duplicates(file: Path, items: Iterable[Item]) -> list[Item]:
    """Return the items. Raises DataError if there are none, or if two have the same id."""
    by_id: dict[str, Item] = {}
    for number, item in enumerate(items, start=1):
        if item.id in by_id:
            raise DataError(f"{file}, item {number}: another item has the same id.")
        by_id[item.id] = item
    if not by_id:
        raise DataError(f"{file} has no items.")
    return [*by_id.values()]
