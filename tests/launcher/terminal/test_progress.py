"""Progress for a person: lines without a terminal, a bar with one, and where to go at the end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from launcher.terminal.progress import COLUMNS, Clock, ProgressDisplay, banner


def shown(*, terminal: bool) -> tuple[ProgressDisplay, io.StringIO]:
    """A display, and what it has written."""
    file = io.StringIO()
    return ProgressDisplay(Console(file=file, force_terminal=terminal, width=100)), file


def test_without_a_terminal_each_step_is_one_line() -> None:
    """However often it is told; an incident is a line as well, since the log is where it stands.
    Every way out may say that it is done."""
    display, file = shown(terminal=False)
    for fraction in (0.1, 0.2, 0.3):
        display.step("Loading the weights.", fraction)
    display.step("Warming up.", 0.9)
    display.incident("The engine ended.")
    display.done("Ready.")
    display.done()

    assert not display.is_terminal
    steps = "==> Loading the weights.\n==> Warming up.\n==> The engine ended.\n"
    assert file.getvalue() == f"{steps}Ready.\n"


def test_an_amount_that_grows_is_told_now_and_then() -> None:
    """A log of a long download has twenty lines of it, and the next step at once."""
    display, file = shown(terminal=False)
    for percent in range(101):
        display.step(f"Fetching a/b: {percent} of 100 GiB", percent / 100)
    display.step("Fetching c/d: 0 of 9 GiB", 0.0)
    lines = file.getvalue().splitlines()

    assert len(lines) in (20, 21, 22)
    assert lines[0] == "==> Fetching a/b: 0 of 100 GiB"
    assert lines[-1] == "==> Fetching c/d: 0 of 9 GiB"


def test_on_a_terminal_there_is_a_bar() -> None:
    """With the step's name; after it the text stands free."""
    display, file = shown(terminal=True)
    display.step("De-quantizing", None)
    display.step("Loading the weights.", 0.5)
    display.done("Ready [bold].")

    assert display.is_terminal
    assert "Loading the weights." in file.getvalue()
    assert file.getvalue().endswith("Ready [bold].\n")


def test_the_clock_goes_on_after_a_step_was_complete() -> None:
    """A step at its end is not the end of the start."""
    now = [0.0]
    console = Console(file=io.StringIO(), force_terminal=True)
    with Progress(*COLUMNS, console=console, get_time=lambda: now[0]) as progress:
        task = progress.add_task("Converting", total=1.0)
        now[0] = 15.0
        progress.update(task, completed=1.0)
        progress.update(task, completed=0.3)
        now[0] = 77.0

        assert Clock().render(progress.tasks[0]).plain == "0:01:17"


@pytest.mark.parametrize(("is_ready", "gaps"), [(True, 0), (False, 1)])
def test_the_bar_ends_full(is_ready: bool, gaps: int) -> None:
    """The last of the start's steps is not quite its end; a start that fails ends as it is."""
    display, file = shown(terminal=True)
    display.step("Loading the weights.", 0.5)
    (display.complete if is_ready else display.done)("The end.")

    assert file.getvalue().split("Loading the weights.")[-1].count("╺") == gaps
    assert file.getvalue().endswith("The end.\n")


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
