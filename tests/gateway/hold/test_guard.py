"""The guard of a hold: which hold counts, and which requests it ends."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Held
from gateway.hold.guard import HoldGuard
from gateway.hold.hold import Hold, watch, write
from gateway.http.exchange import Exchange

HOLD = Hold(reason="wrong adapter loaded", by="ops", since="2026-11-25T08:00:00Z")


def exchange() -> Exchange:
    unused: Any = None
    return Exchange({"type": "http", "headers": []}, unused, unused, request_id="id-1")


def reason_of(hold: Hold) -> str:
    return hold.reason


@pytest.mark.parametrize("now", [False, True])
async def test_only_a_hold_with_now_ends_what_runs(tmp_path: Path, now: bool) -> None:
    """Any other lets answers be finished."""
    guard = HoldGuard(watch(tmp_path / "hold"), None, reason_of)
    write(tmp_path / "hold", replace(HOLD, now=now))

    ending = pytest.raises(Held) if now else contextlib.nullcontext()
    with ending, exchange().watched(guard.running):
        guard.refresh()
        await asyncio.sleep(0)
    assert guard.message == HOLD.reason


def test_the_hold_of_this_machine_counts_where_the_others_have_none(tmp_path: Path) -> None:
    """A gateway that shares state obeys its own file, too."""
    write(tmp_path / "hold", HOLD)
    guard = HoldGuard(watch(tmp_path / "hold"), lambda: None, reason_of)

    guard.apply_shared()

    assert guard.message == HOLD.reason
