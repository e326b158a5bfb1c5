"""`mmhie serve` up to the engine: what stops it, what it prepares, what it starts."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.cli import serve
from launcher.serving.programs import RunFiles
from launcher.serving.status_file import Phase
from launcher.terminal.progress import ProgressDisplay
from tests.command import MMHIE, Command
from tests.contract.process import free_port
from tests.launcher.plans import MODEL, plan
from tests.waiting import until

HANG_S = 900


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def service(folder: Path, **ours: Any) -> serve.Service:
    """One on imagined hardware, with nothing started."""
    made = plan("cpu,ram=16", model=MODEL, cache_dir=folder, reasoner_model="/models/tiny", **ours)
    display = ProgressDisplay(io.StringIO())
    files = RunFiles(folder, io.StringIO())
    return serve.Service(made.decisions.settings, (made,), files, display, lambda phase: None)


@pytest.fixture
def serve_command(command: Command) -> Command:
    """`mmhie serve`, in a folder of its own, where it cannot work."""
    command.monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    command.words = ("serve",)
    return command


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ({"prot": "1"}, ("MMHIE_PROT", "MMHIE_PORT")),
        ({"max_queue": "many"}, ("MMHIE_MAX_QUEUE", "many")),
        ({"env": "production"}, ("MMHIE_KEYS_FILE",)),
        ({"reasoner_model": "no/such-model"}, ("no/such-model", "mmhie fetch")),
        (
            {"reasoner_model": "embedded", "engine_args": "--max-num-batched-tokens 999999999"},
            ("GiB free",),
        ),
    ],
    ids=["unknown name", "the gateway's", "no keys", "no model", "no room"],
)
def test_what_cannot_work_is_one_sentence(
    serve_command: Command, ours: dict[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    """In seconds, with nothing started."""
    usual = {"cache_dir": str(tmp_path), "port": str(free_port())}
    refusal = serve_command.refusal(**usual | ours)

    assert all(word in refusal for word in words), refusal


def test_a_port_that_is_taken_is_one_sentence(serve_command: Command) -> None:
    """Before a model is touched."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refusal = serve_command.refusal(port=str(port), reasoner_model="embedded")

    assert f"Port {port} on 127.0.0.1" in refusal
    assert "MMHIE_PORT" in refusal


def test_the_stand_in_is_for_who_chose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run` with no GPU and no model set; a chosen model always wins."""
    monkeypatch.chdir(tmp_path)
    by_default, _ = serve.load_settings({}, "embedded")
    chosen, _ = serve.load_settings({"MMHIE_REASONER_MODEL": "org/model"}, "embedded")

    assert by_default.model == "embedded"
    assert chosen.model == "org/model"


@pytest.mark.parametrize("kind", [io.StringIO, Screen])
def test_a_phase_goes_to_the_file_and_to_the_person(
    kind: type[io.StringIO], tmp_path: Path
) -> None:
    """The first ready brings the banner, a later one does not. That the engine died is told with
    the log's file, and at a terminal is in the log."""
    file = kind()
    display = ProgressDisplay(file, tmp_path / "serve.log")
    running = replace(service(tmp_path), display=display)
    publish = serve.Publisher(running, {})
    ready, dead = Phase("ready", "The model is ready.", 1.0), "The engine ended (killed)."
    for phase in (Phase("loading", "Loading.", 0.4), ready, Phase("engine_down", dead), ready):
        publish(phase)
        assert json.loads((tmp_path / "phase.json").read_text())["phase"] == phase.name

    assert isinstance(running.files.log, io.StringIO)
    assert file.getvalue().startswith("==> Loading.\n")
    assert file.getvalue().count("The model tiny is ready at") == 1
    assert f"{dead} Log: {tmp_path / 'serve.log'}\n" in file.getvalue()
    assert (running.files.log.getvalue() == f"launcher | {dead}\n") is file.isatty()


def test_where_it_can_be_reached(tmp_path: Path) -> None:
    """ "Everywhere" is no place to go to. Only its owner reaches the engine; the folder's path fits
    into a socket's address, and it goes away."""
    assert service(tmp_path, host="0.0.0.0", port="8123").address == "http://127.0.0.1:8123"
    assert service(tmp_path, host="::", port="8123").address == "http://[::1]:8123"
    with serve.make_private_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        assert len(str(folder / "engine.sock")) < 100
    assert not folder.exists()


SLOW_CONVERSION = """
import pathlib, time
pathlib.Path("converting").touch()
time.sleep(300)
"""


@pytest.mark.parametrize("flags", [(), ("--with-parent",)])
def test_a_stop_while_a_model_is_converted(flags: tuple[str, ...], tmp_path: Path) -> None:
    """/healthz tells of the conversion; on SIGTERM, or with the parent's end of standard input,
    exit code 0, nothing half made is left."""
    (tmp_path / "transformers.py").write_text(SLOW_CONVERSION)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MMHIE_")}
    ours = {
        "PYTHONPATH": str(tmp_path),
        "MMHIE_REASONER_MODEL": "embedded",
        "MMHIE_CACHE_DIR": str(tmp_path / "cache"),
        "MMHIE_PORT": str(free_port()),
    }
    log = tmp_path / "log"
    with log.open("w") as output:
        launcher = subprocess.Popen(
            [MMHIE, "serve", *flags],
            env={**kept, **ours},
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    until(lambda: (tmp_path / "converting").exists() or launcher.poll() is not None)
    assert launcher.poll() is None, log.read_text()
    health = answered(f"http://127.0.0.1:{ours['MMHIE_PORT']}/healthz")
    assert (health["phase"], health["detail"]) == ("loading", "De-quantizing the model (once).")
    assert launcher.stdin is not None
    launcher.stdin.close()
    if not flags:
        launcher.send_signal(signal.SIGTERM)

    assert launcher.wait(timeout=HANG_S) == 0
    assert "Stopped before the model was ready." in log.read_text()
    logs = tmp_path / "cache" / "logs"
    assert [file for file in (tmp_path / "cache").iterdir() if file.is_dir() and file != logs] == []
    lines = logs / f"serve-{ours['MMHIE_PORT']}.log" if flags else log
    assert "gateway | " in lines.read_text()
    assert lines == log or lines.stat().st_mode & 0o077 == 0


def answered(url: str) -> dict[str, Any]:
    """The health page, as soon as it tells what the launcher is at."""
    health: dict[str, Any] = {}

    def tells() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            health.update(json.load(answer))
        return bool(health) and health["phase"] != "starting"

    until(tells)
    return health
