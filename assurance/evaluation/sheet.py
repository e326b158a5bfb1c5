"""Read evaluation items from a CSV file with a header row and one question per row.

In a cell, `|` separates alternatives or criteria, and `;` separates groups of alternatives.
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
                # csv passes surplus cells as one list
                cells = {
                    name: cell for name, text in row.items() if (cell := str(text or "").strip())
                }
                if cells:  # a spreadsheet may end with empty rows
                    yield reader.line_num, make_fields(cells)
    except (UnicodeDecodeError, csv.Error):
        raise NotTable from None


def make_fields(cells: dict[str, str]) -> Json:
    """Convert a row to an item in JSON. Unknown columns are passed on, so that validation rejects
    them."""
    copied: Json = {name: cells.pop(name) for name in COPIED if name in cells}
    subgroups = take(cells, "subgroups")
    return {**copied, "subgroups": subgroups, "rule": make_rule(cells), **cells}


def make_rule(cells: dict[str, str]) -> Json:
    """Build the rule, and remove its cells. Its kind depends on which of `choices`, `value` and
    `source` is filled in; if none is, a judge decides on the criteria."""
    if labels := take(cells, "choices"):
        answer = cells.pop("answer", "")
        return {"kind": "choice", "choices": dict.fromkeys(labels, ""), "answer": answer}
    if value := cells.pop("value", ""):
        return {"kind": "dose", "value": value, "unit": cells.pop("unit", "")}
    if source := cells.pop("source", ""):
        facts = [split(group, OR) for group in take(cells, "facts", AND)]
        return {
            "kind": "grounding",
            "source": source,
            "facts": facts,
            "denied": take(cells, "denied"),
        }
    right, faults = take(cells, "criteria"), take(cells, "faults")
    points = {**dict.fromkeys(right, 1), **dict.fromkeys(faults, -len(right))}
    criteria = [{"criterion": text, "points": each} for text, each in points.items()]
    return {"kind": "rubric", "criteria": criteria}


def take(cells: dict[str, str], name: str, separator: str = OR) -> list[str]:
    """Remove a cell, and return its parts."""
    return split(cells.pop(name, ""), separator)


def split(cell: str, separator: str) -> list[str]:
    return [part.strip() for part in cell.split(separator) if part.strip()]
