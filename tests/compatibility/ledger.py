"""What the tests found, kept for scripts/render_compatibility.py."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOUND = ROOT / ".cache" / "compatibility.json"
Findings = dict[str, dict[str, str]]


def findings() -> Findings:
    """Outcomes by row and column; empty before any test has run."""
    found: Findings = json.loads(FOUND.read_text()) if FOUND.is_file() else {}
    return found


def note(row: str, column: str, outcome: str) -> None:
    """Keep one outcome; a later one replaces it."""
    found = findings()
    found.setdefault(row, {})[column] = outcome
    FOUND.parent.mkdir(exist_ok=True)
    FOUND.write_text(json.dumps(found, indent=1, sort_keys=True))


class Entry:
    """The outcome of one test, written when it ends."""

    def __init__(self) -> None:
        self.outcome = "equal"


@contextmanager
def entry(row: str, column: str) -> Iterator[Entry]:
    """Note how a block ends: its outcome, or that it failed."""
    made = Entry()
    note(row, column, "failed")
    yield made
    note(row, column, made.outcome)
