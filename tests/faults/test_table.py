"""The table of faults."""

from tests.faults.matrix import COLUMNS, FAULTS, ROWS


def test_no_fault_is_there_twice_and_there_are_enough() -> None:
    """Two of one name would overwrite each other."""
    assert len(FAULTS) == sum(map(len, ROWS.values()))
    assert len(FAULTS) >= 25
    assert len(COLUMNS) == 5
