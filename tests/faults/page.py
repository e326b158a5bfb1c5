"""docs/faults.md, from the table and from what the tests found."""

from typing import Final

from scripts.render.page import prose, table
from tests.compatibility.ledger import ROOT, Findings
from tests.contract.surfaces import Surface
from tests.faults.matrix import COLUMNS, FAULTS, ROWS, TIMEOUT_S, Row

PAGE: Final = ROOT / "docs" / "faults.md"
HEADS: Final = {
    "generate-json": "`/llm/generate` JSON",
    "generate-sse": "SSE",
    "generate-text": "text",
    "chat-json": "`/v1` JSON",
    "chat-sse": "`/v1` stream",
}
INTRO: Final = """# Engine fault behaviour

{faults} faults, each tested on {surfaces} surfaces: {cells} requests to a gateway process in front
of a fault-injecting engine (`tests/fake_engine`, a real server), by `tests/faults/test_matrix.py`.
No request hangs, and no partial answer looks like a complete one.

- A number is the HTTP status, followed by the code of the error object.
- *in band*: the stream had begun. It ends with an error event of this code (in plain text,
  `[interrupted: …]`, a sentence without a code), then with the stream's ordinary terminator.
- *complete*: the same answer as from a healthy engine, with any warnings in `mmhie`.
- *continues*: token by token, until the client disconnects; a stream has no total timeout.
- *engine's work*: *aborted* by the gateway; *finished* by the engine itself; *none*: the request
  never began, or the engine is dead. Asserted by the engine's own counters if it is alive.
- *answered*: *at once*, or *at the timeout* (`MMHIE_TIMEOUT_SECONDS`), {timeout:g} s here.

After every fault the next request is answered normally. Idle time is measured between tokens, or at
least between complete events: an engine, or a router in front of it, that sends single bytes or
comments counts as silent. While the gateway waits for a slow client, the timeout is paused. A
request is retried once if the connection failed before the first byte of the response; never after.
An engine whose health page is late (5 s) three times in a row counts as down, as one that refuses
the connection does at once: new requests get 503 `engine_unavailable`.
"""


PROCESS_FAULTS: Final = (
    (
        "clock set by a day, forward or back",
        "answers; only the expiry of keys and tokens follows the date"
        " (`tests/faults/test_clock.py`)",
        "at once",
    ),
    ("SIGKILL of a worker", "its own connections break, the other workers serve", "1 s"),
    (
        "SIGKILL of the gateway",
        "connections break, then are refused; the launcher restarts it, the engine keeps running",
        "6 s",
    ),
    ("SIGKILL of the engine", "503 at once, an in-band error in open streams", "30-40 s"),
    (
        "SIGSTOP of one of the engine's two processes",
        "the same, once the stall is detected: after `MMHIE_STALL_SECONDS` (10 s here), or twice"
        " that if the engine was idle",
        "60-80 s",
    ),
    (
        "disk full: audit trail, log, counts, status file",
        "503 `audit_unavailable`, or answers, depending on `MMHIE_AUDIT_ON_FAILURE`; no process"
        " ends (`tests/faults/test_full_disk.py`)",
        "2 s after space is freed",
    ),
    (
        "disk of the answer vault full, gone or silent",
        "503 `vault_unavailable`; answers under way end and wait to be written"
        " (`tests/gateway/vault/test_vault.py`)",
        "1 s after it is back",
    ),
)
OUTRO: Final = """## Process and machine faults

Fault injection into the processes of one `mmhie serve` with a real engine, two workers and an audit
trail, under continuous load (`tests/real/test_chaos.py`). Afterwards every answer that a client
received completely has its line in an audit trail that verifies. Recovery times on two cores, with
the small model; most of the time is vLLM's start.
"""


def page(findings: Findings) -> str:
    """The whole document; KeyError names what no test has found yet."""
    intro = INTRO.format(
        faults=len(FAULTS),
        surfaces=len(COLUMNS),
        cells=len(FAULTS) * len(COLUMNS),
        timeout=TIMEOUT_S,
    )
    heads = ["", *(HEADS[surface.name] for surface in COLUMNS), "engine's work", "answered"]
    parts = [prose(intro)]
    for title, rows in ROWS.items():
        cells = [told(name, row, findings[name]) for name, row in rows.items()]
        parts.append(f"## {title}\n\n{table(heads, joined(cells))}")
    heads = ["fault", "effect on clients", "recovery"]
    parts += [prose(OUTRO), table(heads, [list(fault) for fault in PROCESS_FAULTS])]
    return "\n".join(parts)


def joined(rows: list[list[str]]) -> list[list[str]]:
    """Return the rows in their order, those with equal outcomes as one."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, *cells in rows:
        names.setdefault(tuple(cells), []).append(name)
    return [["; ".join(alike), *cells] for cells, alike in names.items()]


def told(name: str, row: Row, found: dict[str, str]) -> list[str]:
    """One row: what was found on each surface; the work is the same on all."""
    cells = [found[surface.name] for surface in COLUMNS]
    works = {work for _, _, work in (cell.partition("; ") for cell in cells)}
    said = [cell.partition("; ")[0] for cell in cells]
    return [name, *said, " ".join(sorted(works)), "at the timeout" if row.timeout_s else "at once"]


def expected() -> Findings:
    """Return the findings of green tests."""
    return {
        name: {surface.name: cell(row, surface) for surface in COLUMNS}
        for name, row in FAULTS.items()
    }


def cell(row: Row, surface: Surface) -> str:
    """A cell as the tests note it."""
    return f"{row.cell(surface)}; {row.work}"
