"""Read items from CSV with a header, one question a row.

`|` separates phrases of which one is enough, `;` separates groups that are all needed.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from launcher.json_types import Json

OR, AND = "|", ";"
PLAIN: Final = ("id", "group", "language", "family", "prompt")


class NotTable(Exception):
    """The file is not CSV in UTF-8."""


def read_rows(file: Path) -> Iterator[tuple[int, Json]]:
    """Yield line and item of each row. Raises NotTable, OSError."""
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
    """Return a cell without surrounding blanks; surplus cells come as a list."""
    return str(cell or "").strip()


def make_fields(cells: dict[str, str]) -> Json:
    """Return a row as an item in JSON; cells that its rule does not know stay, to be refused."""
    plain: Json = {name: cells.pop(name) for name in PLAIN if name in cells}
    subgroups = split(cells.pop("subgroups", ""), OR)
    return {**plain, "subgroups": subgroups, "rule": make_rule(cells), **cells}


def make_rule(cells: dict[str, str]) -> Json:
    """Take the cells of the rule: `choices`, `value` or `source` decides which, else phrases."""
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


def split(cell: str, mark: str) -> list[str]:
    return [part.strip() for part in cell.split(mark) if part.strip()]
