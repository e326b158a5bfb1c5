"""Whatever the engine does: a status or an in-band error, in bounded time, and it stops working."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.surfaces import SURFACES, Surface, name_of
from tests.faults.conftest import Meet, Meeting
from tests.faults.matrix import COLUMNS, FAULTS, REJECTED, ROWS, TYPICAL, WHOLE, Row
from tests.faults.observing import observe

Undisturbed = dict[str, str]


@pytest.fixture(scope="session")
def undisturbed(meet: Meet) -> Undisturbed:
    """Return the text of each surface without a fault."""
    return {
        surface.name: observe(meet("engine", None).gateway, surface).text for surface in SURFACES
    }


@pytest.fixture
def meeting(meet: Meet, fault: str) -> Iterator[Meeting]:
    """The gateway and the engine of a row, as good as new."""
    there = meet(FAULTS[fault].site, FAULTS[fault].timeout_s)
    yield there
    if FAULTS[fault].site == "mortal":
        there.renew()


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
@pytest.mark.parametrize("fault", TYPICAL)
def test_a_typical_fault(
    meeting: Meeting, undisturbed: Undisturbed, fault: str, surface: Surface
) -> None:
    """One fault of each kind ends every surface as the table says."""
    check(meeting, undisturbed, fault, surface)


@pytest.mark.slow
@pytest.mark.parametrize("surface", COLUMNS, ids=name_of)
@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in TYPICAL])
def test_fault(meeting: Meeting, undisturbed: Undisturbed, fault: str, surface: Surface) -> None:
    """Every other fault ends the surfaces of the table as it says."""
    check(meeting, undisturbed, fault, surface)


def test_no_fault_is_there_twice() -> None:
    """Of two with one name the first would not be tested."""
    assert len(FAULTS) == sum(map(len, ROWS.values()))


def check(meeting: Meeting, undisturbed: Undisturbed, fault: str, surface: Surface) -> None:
    """Assert the cell's outcome, the engine's work, and an ordinary answer to the next request.

    "At once" means that no timeout ended it: the gateway's is longer than the test's.
    """
    row = FAULTS[fault]
    meeting.spoil(row)
    seen = observe(meeting.gateway, surface)

    assert seen.outcome == row.cell(surface)
    if seen.outcome.startswith("in band") and fault != "[DONE] missing":
        assert not seen.has_stop
    if seen.outcome == WHOLE and fault != "endless answer":
        assert seen.text == undisturbed[surface.name]
    assert_work(meeting, row, has_ended=seen.outcome == WHOLE or seen.outcome.endswith(REJECTED))
    if row.site == "engine":
        assert observe(meeting.gateway, surface).text == undisturbed[surface.name]


def assert_work(meeting: Meeting, row: Row, *, has_ended: bool) -> None:
    """Assert the state of the engine's work, if there is an engine left to ask.

    The gateway may leave an answer that has ended ([DONE], an error event) before its last chunk.
    """
    if meeting.engine is None or row.site == "mortal":
        return
    ended, aborted = {"finished": (1, 0), "aborted": (0, 1), "none": (0, 0)}[row.work]

    def is_as_expected(stats: dict[str, Any]) -> bool:
        counted = (stats["finished"], stats["aborted"])
        may_be_left = has_ended and bool(ended) and counted == (0, 1)
        return not stats["running"] and (counted == (ended, aborted) or may_be_left)

    meeting.engine.until(is_as_expected)
