"""Findings of the tests, kept for scripts/render/compatibility.py."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
Findings = dict[str, dict[str, str]]


@dataclass
class Entry:
    """The outcome of one test."""

    outcome: str = ""


@dataclass(frozen=True)
class Ledger:
    """Outcomes by row and column, in a file that lasts from one run to the next."""

    file: Path

    def findings(self) -> Findings:
        """Empty before any test has run."""
        findings: Findings = json.loads(self.file.read_text()) if self.file.is_file() else {}
        return findings

    def note(self, row: str, column: str, outcome: str) -> None:
        """Keep one outcome; a later one replaces it."""
        self.file.parent.mkdir(exist_ok=True)
        with self.file.with_suffix(".lock").open("w") as lock:  # tests run side by side
            fcntl.flock(lock, fcntl.LOCK_EX)
            findings = self.findings()
            findings.setdefault(row, {})[column] = outcome
            self.file.write_text(json.dumps(findings, indent=1, sort_keys=True))

    @contextmanager
    def entry(self, row: str, column: str) -> Iterator[Entry]:
        """Note how a block ends: its outcome, or that it failed."""
        made = Entry()
        self.note(row, column, "failed")
        yield made
        self.note(row, column, made.outcome)


LEDGER: Final = Ledger(ROOT / ".cache" / "compatibility.json")
