"""MMHIE_BACKEND=local: a server of our own, from first use to our end, and no longer."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import mmhie
import pytest
from mmhie import LLMConfig, MedicalReasoningLLM, _local
from mmhie._local import find_launcher

from tests.waiting import PATIENCE_S, until

FAKE = Path(__file__).with_name("fake_mmhie.py")
LOCAL = LLMConfig(backend="local", model_name="some/model", device_map=None, timeout_seconds=60)

ASK_AND = """
import os, sys, time
from mmhie import medical_reasoner
print(medical_reasoner.generate("How?"), flush=True)
{then}
"""

Starts = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starts]:
    """A fake `mmhie` first on PATH; what is yielded reads its notes; none may outlive the test."""
    command = tmp_path / "bin" / "mmhie"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {FAKE} "$@"\n')
    command.chmod(0o755)
    notes = tmp_path / "starts"
    notes.touch()
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_STARTS", str(notes))
    monkeypatch.setenv("MMHIE_CACHE_DIR", str(tmp_path))

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in notes.read_text().splitlines()]

    monkeypatch.setattr(_local, "_SERVERS", {})
    yield read
    for server in _local._SERVERS.values():
        close(server)
    left = [start["pid"] for start in read() if not is_gone(start["pid"], seconds=0)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def close(server: _local.LocalServer) -> None:
    """End a server as the end of this process does: close the pipe that it reads."""
    if server._process is not None:
        server._process.communicate()


def is_gone(pid: int, seconds: float = PATIENCE_S) -> bool:
    """Return whether the process ends within the time."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            return False
        return True


def script(then: str) -> "subprocess.Popen[str]":
    """A backend process that asks once with the local backend, then does something."""
    return subprocess.Popen(
        [sys.executable, "-c", ASK_AND.format(then=then)],
        env={**os.environ, "MMHIE_BACKEND": "local"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_first_question_starts_the_server(starts: Starts) -> None:
    """Construction starts nothing; the first question does; closing the client keeps it."""
    with MedicalReasoningLLM(LOCAL) as client:
        assert starts() == []
        assert client.generate("How?") == "Local answer."
        assert client.generate("And?") == "Local answer."

    with MedicalReasoningLLM(LOCAL) as later:
        assert later.generate("How?") == "Local answer."
    assert [start["argv"] for start in starts()] == [["serve", "--with-parent"]]


def test_the_server_gets_the_configuration(starts: Starts) -> None:
    """Fields become its variables; what is meant for the sdk alone is left out."""
    with MedicalReasoningLLM(LOCAL) as client:
        client.generate("How?")

    given = starts()[0]["env"]
    assert given.pop("MMHIE_PORT").isdecimal()
    assert given.pop("MMHIE_CACHE_DIR")  # of this test
    assert given == {
        "MMHIE_REASONER_MODEL": "some/model",
        "MMHIE_DEVICE": "auto",
        "MMHIE_DEVICE_MAP": "null",
        "MMHIE_MAX_TOKENS": "512",
        "MMHIE_STREAMING": "false",
        "MMHIE_QUANTIZE": "none",
        "MMHIE_TIMEOUT_SECONDS": "60",
        "MMHIE_MAX_INPUT_LENGTH": "4096",
        "MMHIE_START_TIMEOUT_SECONDS": "900",
        "MMHIE_HOST": "127.0.0.1",
    }


def test_many_threads_start_one_server(starts: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    """All wait for the same one, which takes a moment to be ready."""
    monkeypatch.setenv("FAKE_READY_SECONDS", "0.3")

    with MedicalReasoningLLM(LOCAL) as client, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(client.generate, ["How?"] * 8)) == ["Local answer."] * 8

    assert len(starts()) == 1


def test_a_server_that_died_is_started_again(starts: Starts) -> None:
    """The next question after its death says so; the one after that has a new server."""
    with MedicalReasoningLLM(LOCAL) as client:
        client.generate("How?")
        pid = starts()[0]["pid"]
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

        with pytest.raises(mmhie.UnavailableError, match="exit code -9"):
            client.generate("How?")
        assert client.generate("How?") == "Local answer."

    assert len(starts()) == 2


def test_a_process_that_ends_does_not_wait_for_a_start(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a backend ends it at once, and a model may load for a quarter of an hour."""
    monkeypatch.setenv("FAKE_READY_SECONDS", "600")
    with script("") as backend:
        until(starts)
        backend.send_signal(signal.SIGINT)
        assert backend.wait(PATIENCE_S) != 0

    assert is_gone(starts()[0]["pid"])


def test_a_server_that_ends_before_it_is_ready(
    starts: Starts, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its exit code is in the error, and its own sentence on standard error."""
    monkeypatch.setenv("FAKE_MODE", "refuse")

    with (
        MedicalReasoningLLM(LOCAL) as client,
        pytest.raises(mmhie.UnavailableError, match=r"exit code 2; .* standard error\.$") as failed,
    ):
        client.generate("How?")

    assert failed.value.code == "local_start"
    assert "MMHIE_PORT is taken." in capfd.readouterr().err


def test_without_the_command_it_says_what_to_install(tmp_path: Path) -> None:
    """One sentence with both ways out."""
    with pytest.raises(mmhie.ConfigError, match="install mmhie-server"):
        find_launcher("", tmp_path)


@pytest.mark.parametrize("how", [None, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_that_ends_leaves_no_server(starts: Starts, how: signal.Signals | None) -> None:
    """By itself or however suddenly."""
    with script(then="time.sleep(60)" if how else "") as backend:
        assert read_line(backend) == "Local answer."
        if how:
            backend.send_signal(how)

    assert is_gone(starts()[0]["pid"])
