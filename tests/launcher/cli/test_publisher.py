"""The phases of a run, as the gateway, the person and the log are told them."""

from __future__ import annotations

import io
import json
from pathlib import Path

from launcher.cli.publisher import Outlets, Publisher
from launcher.serving.status_file import Phase
from launcher.terminal.progress import ProgressDisplay
from tests.gateway.clock import Clock
from tests.launcher.plans import MODEL, plan

READY = Phase("ready", "The model is ready.", 1.0)


class Desk:
    """A publisher, and what it has written."""

    def __init__(self, folder: Path) -> None:
        self.file, self.clock = io.StringIO(), Clock()
        self.status, self.incidents = folder / "phase.json", list[str]()
        self.reported: list[Phase] = []
        outlets = Outlets(
            self.status,
            ProgressDisplay(self.file, folder / "serve.log"),
            self.reported.append,
            self.incidents.append,
            lambda plans: print("Welcome.", file=self.file),
        )
        plans = (plan("cpu,ram=16", model=MODEL, cache_dir=folder, reasoner_model="/models/tiny"),)
        self.publish = Publisher(outlets, plans, {}, self.clock)

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
    assert len(desk.reported) == 3


def test_a_start_has_elapsed_and_expected_seconds(tmp_path: Path) -> None:
    """Of the engine as a whole, whatever it is at; a restart begins again."""
    desk = Desk(tmp_path)
    details = []
    for name, sentence, seconds in (
        ("starting", "Starting the engine.", 12),
        ("loading", "Loading the weights.", 30),
        ("engine_down", "It ended.", 1),
        ("starting", "Starting the engine.", 0),
    ):
        desk.publish(Phase(name, sentence, 0.1))  # type: ignore[arg-type]  # of these names
        details.append(desk.published[1])
        desk.clock.now += seconds

    assert details == [
        "Starting the engine: 0 s of about 120 s.",
        "Loading the weights: 10 s of about 120 s.",
        "It ended.",
        "Starting the engine: 0 s of about 120 s.",
    ]


def test_a_conversion_has_them_too(tmp_path: Path) -> None:
    """Its share done is that of the time, where it says none itself; a download has its bytes."""
    desk = Desk(tmp_path)
    desk.publish.step("De-quantizing the model (once)", None)
    desk.clock.now += 45
    desk.publish.step("De-quantizing the model (once)", None)
    assert desk.published == ("loading", "De-quantizing the model (once): 45 s of about 90 s.")
    assert desk.reported[-1].progress == 0.5
    desk.publish.step("Fetching a/b: 1 of 2 GiB", 0.5)
    assert desk.published[1] == "Fetching a/b: 1 of 2 GiB."
