"""The self-test in the engine's own environment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.cli import self_test
from launcher.serving import environment
from tests.models import smollm2

# As the launcher starts an engine: a key, no statistics, no hub.
ENVIRON = environment.for_engine(
    {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}, {"HF_HUB_OFFLINE": "1"}, key=""
)


@pytest.mark.slow  # imports the engine's libraries
def test_a_vocabulary_loads_without_a_network() -> None:
    """And the engine says that it reports to nobody."""
    outcome = self_test.run(smollm2.model(), is_harmony=True, environ=ENVIRON)

    assert outcome.error == ""
    assert outcome.tokens == 49152
    assert outcome.contacted == []
    assert not outcome.usage_statistics


@pytest.mark.slow  # imports the engine's libraries
def test_an_environment_that_reports_is_told() -> None:
    """The question is put to the engine's own code, so it can be answered with yes."""
    loud = {
        name: value
        for name, value in ENVIRON.items()
        if name not in ("VLLM_NO_USAGE_STATS", "DO_NOT_TRACK")
    }

    assert self_test.run(smollm2.model(), is_harmony=False, environ=loud).usage_statistics


@pytest.mark.slow  # imports the engine's libraries
def test_a_folder_without_a_vocabulary_is_told(tmp_path: Path) -> None:
    """In words, with the reason."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    outcome = self_test.run(tmp_path, is_harmony=False, environ=ENVIRON)

    assert outcome.tokens == 0
    assert outcome.error


def test_a_process_that_cannot_answer_is_told(tmp_path: Path) -> None:
    """Its last words, not a traceback of ours."""
    broken = {**ENVIRON, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "json.py").write_text("raise SystemExit('no json here')")

    assert self_test.run(tmp_path, is_harmony=False, environ=broken).error == "no json here"


def test_only_this_machine_can_be_reached() -> None:
    """By name and by number; loopback is this machine."""
    program = """
import json, socket, sys
from launcher.cli.self_test import forbid_network
contacted = []
forbid_network(contacted)
for address in [("192.0.2.1", 80), ("127.0.0.1", 9), ("model-hub.invalid", 443)]:
    try:
        socket.create_connection(address, timeout=1)
    except OSError:
        pass
print(json.dumps(contacted))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert json.loads(done.stdout) == ["192.0.2.1", "model-hub.invalid"]
