"""Hold: the file that takes the model out of service."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.safety.hold import UNREADABLE, Hold, downtime_message, read, release, watch, write

HOLD = Hold(reason="wrong adapter loaded", by="ops", since="2026-11-25T08:00:00Z")


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_no_file_no_hold(tmp_path: Path) -> None:
    """Nothing written means in service; releasing then says there was nothing."""
    assert watch(tmp_path / "hold").current() is None
    assert not release(tmp_path / "hold")


def test_a_hold_survives_a_restart(tmp_path: Path) -> None:
    """A new reader, as after a restart, sees what was written."""
    write(tmp_path / "hold", HOLD)

    assert watch(tmp_path / "hold").current() == HOLD


def test_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    """The draft becomes the file; the folder holds only that."""
    write(tmp_path / "hold", HOLD)

    assert [each.name for each in tmp_path.iterdir()] == ["hold"]


def test_a_change_is_seen_within_a_second_and_no_sooner(tmp_path: Path) -> None:
    """At most one look at the file a second: requests in between cost nothing."""
    clock = Clock()
    watched = watch(tmp_path / "hold", clock=clock)
    assert watched.current() is None
    write(tmp_path / "hold", HOLD)

    clock.now = 0.99
    assert watched.current() is None
    clock.now = 1.0
    assert watched.current() == HOLD

    assert release(tmp_path / "hold")
    clock.now = 2.0
    assert watched.current() is None


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    """The stat decides: the same object comes back."""
    clock = Clock()
    watched = watch(tmp_path / "hold", clock=clock)
    write(tmp_path / "hold", HOLD)
    first = watched.current()
    clock.now = 5.0

    assert watched.current() is first


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"reason": "x"}', "\x00"])
def test_a_damaged_file_still_holds(tmp_path: Path, content: str) -> None:
    """Somebody wanted the model off; a broken file does not put it back in service."""
    (tmp_path / "hold").write_text(content)

    assert watch(tmp_path / "hold").current() == UNREADABLE


def test_a_path_out_of_reach_still_holds(tmp_path: Path) -> None:
    """Where the file cannot be looked at, the model is held."""
    (tmp_path / "file").write_text("")

    assert watch(tmp_path / "file" / "hold").current() == UNREADABLE


def test_read_is_what_write_wrote(tmp_path: Path) -> None:
    """Reasons in any script survive."""
    hold = Hold(reason="Störung ⚠", by="Ärztin", since="2026-11-25T08:00:00Z")
    write(tmp_path / "hold", hold)

    assert read(tmp_path / "hold") == hold


@pytest.mark.parametrize("contact", [None, "ext. 4411"])
def test_the_message_says_why_and_what_to_do(contact: str | None) -> None:
    """Since when, the reason, the downtime procedure, and whom to ask when configured."""
    message = downtime_message(HOLD, contact)

    assert HOLD.since in message
    assert HOLD.reason in message
    assert "downtime procedure" in message
    assert ("ext. 4411" in message) is (contact is not None)


def test_the_clock_is_a_plain_callable(tmp_path: Path) -> None:
    """By default the machine's monotonic clock."""
    clock: Callable[[], float] = Clock()

    assert watch(tmp_path / "hold", clock=clock).current() is None
