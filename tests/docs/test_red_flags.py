"""The figures of docs/red-flags.md are those of the record and of the shipped model."""

import json
import re
import tomllib

from gateway.safety.red_flags.measurements import FILE
from gateway.safety.red_flags.model import model
from scripts.red_flags.evaluate import RECORD
from tests.docs.examples import DOCS

PAGE = (DOCS / "red-flags.md").read_text()


def test_the_shares_are_those_of_the_record() -> None:
    """Every count of the newest set, as it was scored once."""
    groups = [rows for rows in json.loads(RECORD.read_text())["once"].values() if rows]
    rows = [row for rows in groups for row in ([rows] if isinstance(rows, dict) else rows)]
    counts = {f"{row['noticed']}/{row['texts']}" for row in rows if isinstance(row, dict)}

    shares = re.findall(r"(\d+/\d+): \d+%", PAGE)

    assert len(shares) > 30
    assert set(shares) <= counts


def test_the_thresholds_are_those_of_the_model() -> None:
    """One for each number of lines in the table."""
    limits = [f"{model().threshold + rise:.1f}" for rise in model().rises]

    assert f"| log-odds | {' | '.join(limits)} |" in PAGE


def test_every_measured_value_has_its_row() -> None:
    """With its topic, its source, and each limit of a dangerous band."""
    for name, row in tomllib.loads(FILE.read_text())["measurements"].items():
        (line,) = re.findall(rf"^\| {name}[,|  ].*$", PAGE, re.MULTILINE)
        assert line.endswith(f"| {row['topic']} | {row['source']} |")
        for bands in row["bands"].values():
            assert bands[1] != "very-low" or f"under {bands[2]}" in line
            assert bands[-2] != "very-high" or f"from {bands[-3]}" in line
