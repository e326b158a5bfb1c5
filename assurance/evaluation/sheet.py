"""Read evaluation items from a CSV file with a header row and one question per row.

In a cell, `|` separates alternatives, and `;` separates groups of which each must be satisfied.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from launcher.json_types import Json

OR, AND = "|", ";"
COPIED: Final = ("id", "group", "language", "family", "prompt")  # columns copied as they are


class NotTable(Exception):
    """The file is not CSV encoded in UTF-8."""


def read_rows(file: Path) -> Iterator[tuple[int, Json]]:
    """Yield line number and item of each row that is not empty. Raises NotTable or OSError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened, restkey="more cells than columns")
            for row in reader:
                cells = {name: cell for name, text in row.items() if (cell := strip(text))}
                if cells:  # a spreadsheet may end with empty rows
                    yield reader.line_num, make_fields(cells)
    except (UnicodeDecodeError, csv.Error):
        raise NotTable from None


def strip(cell: object) -> str:
    """Return a cell without surrounding white space; csv passes surplus cells as one list."""
    return str(cell or "").strip()


def make_fields(cells: dict[str, str]) -> Json:
    """Convert a row to an item in JSON. Unknown columns are passed on, so that validation rejects
    them."""
    copied: Json = {name: cells.pop(name) for name in COPIED if name in cells}
    subgroups = split(cells.pop("subgroups", ""), OR)
    return {**copied, "subgroups": subgroups, "rule": make_rule(cells), **cells}


def make_rule(cells: dict[str, str]) -> Json:
    """Build the rule, and remove its cells. Its kind depends on which of `choices`, `value` and
    `source` is filled in; if none is, it is `phrases`."""
    if labels := split(cells.pop("choices", ""), OR):
        answer = cells.pop("answer", "")
        return {"kind": "choice", "choices": dict.fromkeys(labels, ""), "answer": answer}
    if value := cells.pop("value", ""):
        return {"kind": "dose", "value": value, "unit": cells.pop("unit", "")}
    required = split_groups(cells.pop("must_say", ""))
    if source := cells.pop("source", ""):
        denied = split(cells.pop("denied", ""), OR)
        return {"kind": "grounding", "source": source, "all": required, "negated": denied}
    return {
        "kind": "phrases",
        "all": required,
        "about": split_groups(cells.pop("must_mention", "")),
        "none": split(cells.pop("must_not_say", ""), OR),
    }


def split_groups(cell: str) -> list[list[str]]:
    """Split `warfarin; INR | coagulation` into two groups."""
    return [split(group, OR) for group in split(cell, AND)]


def split(cell: str, separator: str) -> list[str]:
    return [part.strip() for part in cell.split(separator) if part.strip()]
