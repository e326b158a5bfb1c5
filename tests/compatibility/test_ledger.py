"""Notes that the tests take for the page."""

from pathlib import Path

import pytest

from tests.compatibility.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A new one."""
    return Ledger(tmp_path / "cache" / "found.json")


def test_outcomes_add_up(ledger: Ledger) -> None:
    """By row and column; the last one counts."""
    ledger.note("a", "whole", "equal")
    ledger.note("a", "stream", "failed")
    ledger.note("a", "stream", "equal")
    ledger.note("b", "whole", "equal")

    outcomes = {"a": {"whole": "equal", "stream": "equal"}, "b": {"whole": "equal"}}
    assert ledger.findings() == outcomes


def test_a_test_that_ends_early_has_failed(ledger: Ledger) -> None:
    """Note a failure, replacing what was found before."""
    ledger.note("a", "whole", "equal")
    with pytest.raises(ZeroDivisionError), ledger.entry("a", "whole"):
        _ = 1 / 0

    assert ledger.findings() == {"a": {"whole": "failed"}}


def test_a_test_says_its_outcome(ledger: Ledger) -> None:
    """It counts when the block ends."""
    with ledger.entry("a", "whole") as entry:
        entry.outcome = "right"

    assert ledger.findings() == {"a": {"whole": "right"}}
