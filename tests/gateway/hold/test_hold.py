"""Hold: the file that takes the model out of service."""

import os
from pathlib import Path

import pytest

from gateway.hold.hold import UNREADABLE, Hold, downtime_message, read, watch, write
from gateway.safety.wording import wording

HOLD = Hold(reason="wrong adapter loaded", by="ops", since="2026-11-25T08:00:00Z")


def test_a_hold_survives_a_restart(tmp_path: Path) -> None:
    """A new reader, as after a restart, sees what was written, in any script."""
    hold = Hold(reason="Störung ⚠", by="Ärztin", since="2026-11-25T08:00:00Z", now=True)
    for written in (HOLD, hold):
        write(tmp_path / "hold", written)
        assert read(tmp_path / "hold") == watch(tmp_path / "hold").current() == written


BROKEN = [
    *("", "{", "[]", "null", '{"reason": "x"}', "\x00"),
    '{"reason": "\\ud800", "by": "x", "since": "y"}',
    f'{{"reason": "{"x" * 20_000}", "by": "x", "since": "y"}}',
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_damaged_file_still_holds(tmp_path: Path, content: str) -> None:
    """Somebody wanted the model off; a broken file does not put it back in service."""
    (tmp_path / "hold").write_text(content)

    assert watch(tmp_path / "hold").current() == UNREADABLE


def test_a_pipe_still_holds(tmp_path: Path) -> None:
    """Reading it does not block the gateway."""
    os.mkfifo(tmp_path / "hold")

    assert read(tmp_path / "hold") == UNREADABLE


def test_a_path_out_of_reach_still_holds(tmp_path: Path) -> None:
    """The model is held while the file is out of reach."""
    (tmp_path / "file").write_text("")

    assert watch(tmp_path / "file" / "hold").current() == UNREADABLE


@pytest.mark.parametrize("contact", [None, "ext. 4411"])
def test_the_message_says_why_and_what_to_do(contact: str | None) -> None:
    """Since when, the reason, the downtime procedure, and whom to ask when configured."""
    message = downtime_message(HOLD, wording("en"), contact)

    assert HOLD.since in message
    assert HOLD.reason in message
    assert "downtime procedure" in message
    assert ("ext. 4411" in message) is (contact is not None)
