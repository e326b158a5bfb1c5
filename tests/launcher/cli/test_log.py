"""The children's lines in a file, each under the name of who wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.cli.serve import open_log
from launcher.errors import LauncherError
from launcher.process.child import prefixed
from launcher.terminal.progress import ProgressDisplay


def test_lines_are_there_at_once_and_the_last_log_is_kept(tmp_path: Path) -> None:
    """Someone may be reading along; of older starts than the last one nothing is kept. Where it
    cannot be written, that is one sentence."""
    path = tmp_path / "logs" / "serve-8123.log"
    for text in ("first", "second", "third"):
        with open_log(path) as file:
            prefixed("engine", file)(text)
            assert path.read_text() == f"engine | {text}\n"

    assert path.with_suffix(".old").read_text() == "engine | second\n"
    with pytest.raises(LauncherError, match="cannot be written"), open_log(path / "log"):
        pass


def test_a_full_disk_is_no_reason_to_stop() -> None:
    """Neither for the children's lines nor for what a person is told."""
    file = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115  # closing it fails, too
    prefixed("engine", file)("INFO one")
    ProgressDisplay(file).step("Loading the weights.", 0.1)
    ProgressDisplay(file).done("Ready.")

    with pytest.raises(OSError, match="No space left"):
        file.close()
