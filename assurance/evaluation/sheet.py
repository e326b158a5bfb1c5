"""A site's items as a spreadsheet: one question a row, in CSV with a header."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from assurance.evaluation.items import MOST_BYTES, DataError
from launcher.json_types import Json

# Between phrases of which one is enough, and between groups each of which is needed.
OR, AND = "|", ";"
COLUMNS: Final = (
    *("id", "group", "language", "family", "prompt", "subgroups"),
    *("must_say", "must_not_say", "must_mention"),
    *("source", "denied", "value", "unit", "choices", "answer"),
)

# The columns of a rule by the one that decides for it, the first of these that is filled.
RULES: Final = {"choices": ("answer",), "value": ("unit",), "source": ("must_say", "denied")}
PHRASES: Final = ("must_say", "must_not_say", "must_mention")


def rows(file: Path) -> Iterator[tuple[int, Json]]:
    """Yield line and item of each row of a CSV file. Raises DataError."""
    csv.field_size_limit(MOST_BYTES)
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            refuse_columns(file, reader.fieldnames or ())
            for row in reader:
                if None in row or None in row.values():
                    raise DataError(
                        f"{file}, line {reader.line_num}: not as many cells as columns."
                    )
                cells = {name: cell for name, text in row.items() if (cell := text.strip())}
                if cells:  # a spreadsheet may end with rows that are empty
                    refuse_cells(file, reader.line_num, cells)
                    yield reader.line_num, item(cells)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(
            f"{file} is no CSV in UTF-8 with cells of at most {MOST_BYTES // 1000} KB: save it so."
        ) from None


def refuse_columns(file: Path, names: object) -> None:
    """Raise DataError for a column that means nothing, and where id or prompt is missing."""
    given = list(names) if isinstance(names, list | tuple) else []
    if unknown := [name for name in given if name not in COLUMNS]:
        raise DataError(
            f"{file}: {str(unknown[0])[:40]!r} is no column; there are {', '.join(COLUMNS)}."
        )
    if twice := [name for name in given if given.count(name) > 1]:
        raise DataError(f"{file} has the column {twice[0]} twice.")
    if not {"id", "prompt"} <= set(given):
        raise DataError(f"{file} needs the columns id and prompt.")


def refuse_cells(file: Path, line: int, cells: dict[str, str]) -> None:
    """Raise DataError for a cell that the rule of its row does not read."""
    deciding = next((name for name in RULES if name in cells), "")
    unread = [name for name in COLUMNS[6:] if name in cells and name not in read_by(deciding)]
    if unread:
        beside = f"beside {deciding}" if deciding else "alone"
        raise DataError(f"{file}, line {line}: {unread[0]} says nothing {beside}.")


def read_by(deciding: str) -> tuple[str, ...]:
    """Return the columns of a row's rule, which the deciding one of them names."""
    return (deciding, *RULES[deciding]) if deciding else PHRASES


def item(cells: dict[str, str]) -> Json:
    """Return a row as an item of JSON: the rule is that of the cells which are filled."""
    plain = {name: cells[name] for name in COLUMNS[:5] if cells.get(name)}
    subgroups = split(cells.get("subgroups", ""), OR)
    return {**plain, "subgroups": subgroups, "rule": rule(cells)}


def rule(cells: dict[str, str]) -> Json:
    """Return the rule of a row."""
    if cells.get("choices"):
        labels = dict.fromkeys(split(cells["choices"], OR), "")
        return {"kind": "choice", "choices": labels, "answer": cells.get("answer", "")}
    if cells.get("value"):
        return {"kind": "dose", "value": cells["value"], "unit": cells.get("unit", "")}
    said = groups(cells.get("must_say", ""))
    if source := cells.get("source"):
        denied = split(cells.get("denied", ""), OR)
        return {"kind": "grounding", "source": source, "all": said, "negated": denied}
    return {
        "kind": "phrases",
        "all": said,
        "about": groups(cells.get("must_mention", "")),
        "none": split(cells.get("must_not_say", ""), OR),
    }


def groups(cell: str) -> list[list[str]]:
    """Return `warfarin; INR | coagulation` as two groups."""
    return [split(group, OR) for group in split(cell, AND)]


def split(cell: str, mark: str) -> list[str]:
    return [part.strip() for part in cell.split(mark) if part.strip()]
