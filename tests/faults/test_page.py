"""The page that the tests write."""

import pytest

from tests.faults.matrix import COLUMNS, FAULTS, ROWS
from tests.faults.page import expected, page


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
