"""`mmhie serve` up to the engine: what stops it, what it prepares, what it starts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from launcher.cli import serve
from tests.command import MMHIE, Command
from tests.contract.process import free_port
from tests.launcher.plans import settings
from tests.waiting import until

HANG_S = 900


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


def test_the_folder_of_the_sockets() -> None:
    """Only its owner reaches the engine; its path fits into a socket's address; it goes away."""
    with serve.make_private_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        assert len(str(folder / "engine.sock")) < 100
    assert not folder.exists()


@pytest.mark.parametrize(
    ("host", "address"), [("0.0.0.0", "http://127.0.0.1:8123"), ("::", "http://[::1]:8123")]
)
def test_where_it_can_be_reached(host: str, address: str) -> None:
    """ "Everywhere" is no place to go to."""
    assert f" is ready at {address} " in serve.make_greeting(settings(host=host, port=8123), ())


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
    assert health["phase"] == "loading"
    assert health["detail"] == "De-quantizing the model (once)."
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
