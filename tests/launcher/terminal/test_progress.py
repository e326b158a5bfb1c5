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
    """Address, notice, and two commands with nothing left to fill in but a key."""
    where = ("http://127.0.0.1:8000", ".venv/bin/mmhie")
    text = banner("A model", "org/model", *where, has_keys=has_keys)

    assert "The model A model is ready at http://127.0.0.1:8000" in text
    assert "Not clinical advice" in text
    assert text.count("curl -s") == 1
    assert text.count("Bearer $MMHIE_API_KEY") == (1 if has_keys else 0)
    assert ("mmhie keys new" in text) is has_keys
    assert "  .venv/bin/mmhie chat --url http://127.0.0.1:8000\n" in text
    assert "base_url http://127.0.0.1:8000/v1, model org/model" in text
