"""docs/faults.md, from the table and from what the tests found."""

from typing import Final

from tests.compatibility.ledger import ROOT, Findings
from tests.compatibility.page import table
from tests.contract.doors import Door
from tests.faults.matrix import AT_ONCE_S, FAULTS, IN_TIME_S, ROWS, SURFACES, TIMEOUT_S, Row

PAGE: Final = ROOT / "docs" / "faults.md"
HEADS: Final = {
    "generate-json": "`/llm/generate` JSON",
    "generate-sse": "SSE",
    "generate-text": "text",
    "chat-json": "`/v1` JSON",
    "chat-sse": "`/v1` stream",
}
INTRO: Final = """# What becomes of a fault of the engine

{faults} faults, each tried on {surfaces} surfaces: {cells} requests to a gateway process in front
of an engine that misbehaves (`tests/fake_engine`, a real server). `tests/faults/test_matrix.py`
asserts every cell and finds what this page says; `python -m scripts.render faults` writes it
afterwards. None of them hangs, and none ends in what looks like an ordinary answer and is a
part of one.

- A number is the status, with the code of the error object.
- *in band*: the stream had begun. It ends with an error of this code (`[interrupted]` and a
  sentence in plain text, which shows no codes), then in the form's ordinary way.
- *whole*: the very answer of an undisturbed engine, with the warnings that its label carries.
- *flows on*: token by token, until the caller leaves; a stream has no total time.
- *engine's work*: *aborted*, the engine was told to stop and did; *over*, it had ended by itself;
  *none*, it never began, or the engine is dead. Asserted by the engine's own counts where it lives.
- *within*: the bound in seconds, with `MMHIE_TIMEOUT_SECONDS={timeout:g}` and room for a loaded
  machine: {at_once:g} s is at once, {in_time:g} s is the timeout.

After every fault the next request is answered as if nothing had been.

Of time: what counts is a token, or at least an event that is whole. An engine, or a router before
it, that sends single bytes or comments is silent. While it is the caller who reads slowly, nobody
waits for the engine, and the clock stands still.

A request is sent a second time, once, when the engine's connection died before any byte of an
answer; never after the first byte.
"""


BLOWS: Final = (
    (
        "the clock is set by a day, forward or back",
        "answers; keys and tokens end by the date, nothing else does"
        " (`tests/faults/test_clock.py`)",
        "at once",
    ),
    ("SIGKILL of a worker", "its own connections break, the others serve", "1 s"),
    (
        "SIGKILL of the gateway",
        "connections break, then are refused; the launcher starts it anew, the engine stays",
        "6 s",
    ),
    ("SIGKILL of the engine", "503 at once, an error in open streams", "30-40 s"),
    (
        "SIGSTOP of the engine, of one of its two processes",
        "the same, once the stall is found: after `MMHIE_STALL_SECONDS` (4 s here), or twice that"
        " when it had nothing to do",
        "35-55 s",
    ),
    (
        "disk full: trail, log, counts, phase file",
        "503 `audit_unavailable`, or answers, by `MMHIE_AUDIT_ON_FAILURE`; no process ends"
        " (`tests/faults/test_full_disk.py`)",
        "2 s after there is room",
    ),
)
OUTRO: Final = """## The machine

Not of the engine's answers: blows against the processes of one `mmhie serve` with a real engine,
two workers and an audit trail, while callers keep asking (`tests/real/test_chaos.py`). Afterwards
every answer that a caller had whole has its line in a trail that verifies. Seconds until it answers
again, on two cores, with the small model: what is long about them is vLLM's start.
"""


def page(findings: Findings) -> str:
    """The whole document; KeyError names what no test has found yet."""
    intro = INTRO.format(
        faults=len(FAULTS),
        surfaces=len(SURFACES),
        cells=len(FAULTS) * len(SURFACES),
        timeout=TIMEOUT_S,
        at_once=AT_ONCE_S,
        in_time=IN_TIME_S,
    )
    heads = ["", *(HEADS[door.name] for door in SURFACES), "engine's work", "within"]
    parts = [intro]
    for title, rows in ROWS.items():
        cells = [told(name, row, findings[name]) for name, row in rows.items()]
        parts.append(f"## {title}\n\n{table(heads, cells)}")
    heads = ["blow", "what callers get meanwhile", "answers again"]
    return "\n".join((*parts, OUTRO, table(heads, [list(blow) for blow in BLOWS])))


def told(name: str, row: Row, found: dict[str, str]) -> list[str]:
    """One row: what was found on each surface; the work is the same on all."""
    cells = [found[door.name] for door in SURFACES]
    works = {work for _, _, work in (cell.partition("; ") for cell in cells)}
    said = [cell.partition("; ")[0] for cell in cells]
    return [name, *said, " ".join(sorted(works)), f"{row.within_s:g} s"]


def expected() -> Findings:
    """What the tests find when they are green."""
    return {name: {door.name: cell(row, door) for door in SURFACES} for name, row in FAULTS.items()}


def cell(row: Row, door: Door) -> str:
    """A cell as the tests note it."""
    return f"{row.cell(door)}; {row.work}"
