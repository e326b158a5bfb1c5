"""Progress for a person: a line for each step, and where to go at the end."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from launcher.terminal.progress import ProgressDisplay, banner


def test_an_amount_that_grows_is_told_now_and_then() -> None:
    """A log of a long download has twenty lines of it, and the next step at once. An incident names
    the log."""
    file = io.StringIO()
    display = ProgressDisplay(file, Path("serve.log"))
    for percent in range(101):
        display.step(f"Fetching a/b: {percent} of 100 GiB", percent / 100)
    display.step("Fetching c/d: 0 of 9 GiB", 0.0)
    lines = file.getvalue().splitlines()

    assert len(lines) in (20, 21, 22)
    assert lines[0] == "==> Fetching a/b: 0 of 100 GiB"
    display.incident("The engine ended.")
    assert file.getvalue().endswith("==> The engine ended. Log: serve.log\n")
    assert lines[-1] == "==> Fetching c/d: 0 of 9 GiB"


@pytest.mark.parametrize("has_keys", [False, True])
def test_the_banner_can_be_pasted(has_keys: bool) -> None:
    """The address with a notice, and two commands with nothing to fill in but a key."""
    where = ("http://127.0.0.1:8000", ".venv/bin/mmhie")
    first, curl, chat = banner("A model", *where, has_keys=has_keys).splitlines()

    assert first.startswith("A model is ready at http://127.0.0.1:8000 (not clinical advice")
    assert ("mmhie keys new" in first) is has_keys
    assert curl.startswith("  curl -s http://127.0.0.1:8000/llm/generate ")
    assert ("Bearer $MMHIE_API_KEY" in curl) is has_keys
    assert chat == "  .venv/bin/mmhie chat --url http://127.0.0.1:8000"
