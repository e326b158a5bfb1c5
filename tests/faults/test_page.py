"""The page that the tests write."""

import subprocess
import sys

import pytest

from tests.compatibility.ledger import ROOT
from tests.faults.matrix import COLUMNS, FAULTS, ROWS
from tests.faults.page import expected, page

SCRIPT = [sys.executable, "-m", "scripts.render", "--check", "faults"]


def test_the_committed_page_is_what_the_table_says() -> None:
    """And the tests hold the table to what happens."""
    done = subprocess.run(SCRIPT, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_fault_is_there_twice_and_there_are_enough() -> None:
    """Two of one name would overwrite each other's outcome."""
    assert len(FAULTS) == sum(map(len, ROWS.values()))
    assert len(FAULTS) >= 25
    assert len(COLUMNS) == 5


def test_what_no_test_has_found_is_named() -> None:
    """An incomplete run writes nothing."""
    expectations = expected()
    del expectations["connection refused"]

    with pytest.raises(KeyError, match="connection refused"):
        page(expectations)
