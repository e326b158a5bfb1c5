"""The tables of docs/faults.md: what test_matrix.py asserts, row by row."""

from collections.abc import Mapping
from typing import Final

from scripts.render.page import table
from tests.faults.matrix import FAULTS, ROWS, Row

HEADS: Final = ("fault", "the client gets", "engine's work")
NAMES: Final = ("generate JSON", "generate SSE", "generate text", "v1 JSON", "v1 stream")
GROUPS: Final[Mapping[tuple[str, ...], str]] = {
    NAMES: "",
    NAMES[:3]: "generate: ",
    ("generate JSON", "v1 JSON"): "JSON: ",
    ("generate SSE", "generate text", "v1 stream"): "streams: ",
    NAMES[3:]: "v1: ",
    (*NAMES[:3], "v1 stream"): "all but v1 JSON: ",
}


def tables() -> str:
    """Render a table for each kind of fault."""
    parts = [f"{len(FAULTS)} faults.\n"]
    parts += [f"## {title}\n\n{table(HEADS, joined(rows))}" for title, rows in ROWS.items()]
    return "\n".join(parts)


def joined(rows: Mapping[str, Row]) -> list[list[str]]:
    """Return the rows in their order, those with equal outcomes as one."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, row in rows.items():
        names.setdefault((outcome(row), row.work), []).append(name)
    return [["; ".join(alike), *cells] for cells, alike in names.items()]


def outcome(row: Row) -> str:
    """Name each outcome once, with the surfaces that have it."""
    surfaces: dict[str, list[str]] = {}
    for name, cell in zip(NAMES, row.cells, strict=True):
        surfaces.setdefault(cell, []).append(name)
    return "; ".join(f"{group(tuple(names))}{cell}" for cell, names in surfaces.items())


def group(names: tuple[str, ...]) -> str:
    return GROUPS.get(names, f"{', '.join(names)}: ")
