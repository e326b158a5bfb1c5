"""Whatever the engine does: a status or an in-band error, in bounded time, and it stops working."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.surfaces import Surface, name_of
from tests.faults.conftest import Meet, Meeting
from tests.faults.matrix import COLUMNS, FAULTS, REJECTED, WHOLE, Row
from tests.faults.observing import observe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def undisturbed(meet: Meet) -> dict[str, str]:
    """Return the text of each surface with nothing wrong."""
    return {
        surface.name: observe(meet("engine", None).gateway, surface).text for surface in COLUMNS
    }


@pytest.fixture
def meeting(meet: Meet, fault: str) -> Iterator[Meeting]:
    """The site of a row, as good as new."""
    there = meet(FAULTS[fault].site, FAULTS[fault].timeout_s)
    yield there
    if FAULTS[fault].site == "mortal":
        there.renew()


@pytest.mark.parametrize("surface", COLUMNS, ids=name_of)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault(meeting: Meeting, undisturbed: dict[str, str], fault: str, surface: Surface) -> None:
    """The cell's outcome, the engine's work as the row says, and an ordinary answer to the next
    request. At once means that no timeout ended it: the gateway's is longer than the test's."""
    row = FAULTS[fault]
    meeting.spoil(row)
    seen = observe(meeting.gateway, surface)

    assert seen.said == row.cells[COLUMNS.index(surface)]
    if seen.said == WHOLE and fault != "endless answer":
        assert seen.text == undisturbed[surface.name]
    assert_work(meeting, row, has_ended=seen.said == WHOLE or seen.said.endswith(REJECTED))
    if row.site == "engine":
        assert observe(meeting.gateway, surface).text == undisturbed[surface.name]


def assert_work(meeting: Meeting, row: Row, *, has_ended: bool) -> None:
    """Assert the state of the engine's work, if there still is an engine to ask. An answer whose
    end has come ([DONE], an error event) may be left before the last chunk of its body."""
    if meeting.engine is None or row.site == "mortal":
        return
    ended, aborted = {"finished": (1, 0), "aborted": (0, 1), "none": (0, 0)}[row.work]

    def is_as_told(stats: dict[str, Any]) -> bool:
        counted = (stats["finished"], stats["aborted"])
        may_be_left = has_ended and bool(ended) and counted == (0, 1)
        return not stats["running"] and (counted == (ended, aborted) or may_be_left)

    meeting.engine.until(is_as_told)
