"""One item of an evaluation: a conversation, the rule that scores its answer, and a site's file of
them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assurance.evaluation.rules.choice import Choice
from assurance.evaluation.rules.dose import Dose
from assurance.evaluation.rules.grounding import Grounding
from assurance.evaluation.rules.phrases import Phrases
from assurance.evaluation.rules.rubric import Rubric
from assurance.evaluation.rules.served import HasDisclaimer, NoReasoning, Notice
from launcher.errors import LauncherError
from launcher.json_types import Json

MOST_BYTES: Final = 1_000_000  # of one item: no model reads more
PLAIN: Final = {"missing": "this field is missing", "union_tag_not_found": "its kind is missing"}
Surface = Literal["chat", "stream", "completions", "responses", "messages", "generate", "text"]
Word = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w.:# -]+$")]

Rule = Annotated[
    Choice | Phrases | Dose | Grounding | Rubric | HasDisclaimer | Notice | NoReasoning,
    Field(discriminator="kind"),
]


class DataError(LauncherError):
    """A data set that cannot be read; file and line, never what is in it."""


class ItemTurn(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class Item(BaseModel):
    """One item; items of one `family` should be answered alike, and those of `subgroups` as well.

    `given` is an answer that is scored in place of the service's: the judge's calibration.
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
    surface: Surface = "generate"
    given: str = ""

    @model_validator(mode="after")
    def is_asked(self) -> "Item":
        """Refuse an item without a question, or with two."""
        if bool(self.prompt.strip()) == bool(self.messages):
            raise ValueError("give either prompt or messages")
        if self.messages and self.messages[-1].role != "user":
            raise ValueError("the last message has to be the user's")
        return self

    @property
    def turns(self) -> list[dict[str, str]]:
        """The conversation, without the service's system message."""
        if self.messages:
            return [message.model_dump() for message in self.messages]
        return [{"role": "user", "content": self.prompt}]

    @property
    def chance(self) -> float | None:
        """The expected score of guessing; None where nobody can guess."""
        return self.rule.chance if isinstance(self.rule, Choice) else None


def lines(file: Path) -> Iterator[tuple[int, Json]]:
    """Yield number and object of each line of a JSONL file that is not blank. Raises DataError."""
    try:
        with file.open("rb") as opened:
            for number, line in enumerate(opened, start=1):
                if line.strip():
                    yield number, parsed(file, number, line)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None


def parsed(file: Path, number: int, line: bytes) -> Json:
    """Parse one line. Raises DataError."""
    if len(line) > MOST_BYTES:
        raise DataError(f"{file}, line {number}: an item has at most {MOST_BYTES // 1000} KB.")
    try:
        fields = json.loads(line)
        json.dumps(fields, ensure_ascii=False).encode()  # half of a character is none
    except (ValueError, RecursionError):
        raise DataError(f"{file}, line {number}: this is no JSON object in UTF-8.") from None
    if not isinstance(fields, dict):
        raise DataError(f"{file}, line {number}: this is no JSON object.")
    return fields


def read(file: Path) -> list[Item]:
    """Return the items of a JSONL file in our own format. Raises DataError."""
    return made_of(file, lines(file))


def made_of(file: Path, found: Iterable[tuple[int, Json]]) -> list[Item]:
    """Return the items of numbered objects. Raises DataError."""
    return unique(file, [made(file, number, row) for number, row in found])


def made(file: Path, number: int, found: Json) -> Item:
    """Build one item. Raises DataError with line and field."""
    try:
        return Item.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the item"
        reason = PLAIN.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise DataError(f"{file}, line {number}, {where}: {reason}.") from None


def unique(file: Path, items: list[Item]) -> list[Item]:
    """Return the items; raise DataError for none at all, or an id that two of them have."""
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        if item.id in seen:
            raise DataError(f"{file}, item {number}: an item before it has the same id.")
        seen.add(item.id)
    if not items:
        raise DataError(f"{file} holds no item.")
    return items
