"""The phases of a run, as the gateway, the person and the log are told them."""

from __future__ import annotations

import io
import json
from pathlib import Path

from launcher.cli.publisher import Publisher
from launcher.serving.status_file import Phase
from launcher.terminal.progress import ProgressDisplay
from tests.launcher.plans import MODEL, plan

READY = Phase("ready", "The model is ready.", 1.0)


class Desk:
    """A publisher, and what it has written."""

    def __init__(self, folder: Path, greeting: str = "Welcome.") -> None:
        self.file, self.status = io.StringIO(), folder / "phase.json"
        self.incidents: list[str] = []
        display = ProgressDisplay(self.file, folder / "serve.log")
        plans = (plan("cpu,ram=16", model=MODEL, cache_dir=folder, reasoner_model="/models/tiny"),)
        log = self.incidents.append
        self.publish = Publisher(self.status, display, plans, {}, log=log, greeting=greeting)

    @property
    def published(self) -> tuple[str, str]:
        """The phase that the gateway reads, and its sentence."""
        status = json.loads(self.status.read_text())
        return status["phase"], status["detail"]


def test_a_phase_goes_to_the_file_and_to_the_person(tmp_path: Path) -> None:
    """The first ready brings the greeting, a later one does not. That the engine died is told with
    the log's file, and is in the log."""
    desk, dead = Desk(tmp_path), "The engine ended (killed)."
    for phase in (READY, READY, Phase("engine_down", dead), READY):
        desk.publish(phase)
        assert desk.published == (phase.name, phase.detail)

    assert desk.file.getvalue().count("Welcome.") == 1
    assert f"{dead} Log: {tmp_path / 'serve.log'}\n" in desk.file.getvalue()
    assert desk.incidents == [dead]


def test_what_is_prepared_is_loading(tmp_path: Path) -> None:
    """With the part that is done; without a greeting, the phase itself is shown."""
    desk = Desk(tmp_path, greeting="")
    desk.publish.step("Fetching a/b: 1 of 2 GiB", 0.5)
    assert desk.published == ("loading", "Fetching a/b: 1 of 2 GiB.")
    desk.publish(READY)

    assert desk.file.getvalue() == "==> Fetching a/b: 1 of 2 GiB.\nThe model is ready.\n"
