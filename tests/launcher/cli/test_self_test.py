"""The self-test in the engine's own environment."""

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
def test_a_vocabulary_loads(tmp_path: Path) -> None:
    """Its own and the second one of gpt-oss, without a network; of a folder without one the reason
    is told."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    outcome = self_test.run(smollm2.model(), is_harmony=True, environ=ENVIRON)
    broken = self_test.run(tmp_path, is_harmony=False, environ=ENVIRON)

    assert (outcome.tokens, outcome.error) == (49152, "")
    assert broken.tokens == 0
    assert broken.error


@pytest.mark.slow  # imports the engine's libraries
def test_the_engine_reports_to_nobody() -> None:
    """The question is put to its own code, which says yes without our variables."""
    ask = "from vllm.usage.usage_lib import is_usage_stats_enabled as ask; print(ask())"
    loud = {name: ENVIRON[name] for name in ("PATH", "HOME")}
    for environ, answer in ((ENVIRON, "False"), (loud, "True")):
        told = subprocess.check_output([sys.executable, "-c", ask], env=environ, text=True)
        assert told.splitlines()[-1] == answer


def test_a_process_that_cannot_answer_is_told(tmp_path: Path) -> None:
    """Its last words, not a traceback of ours."""
    broken = {**ENVIRON, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "json.py").write_text("raise SystemExit('no json here')")

    assert self_test.run(tmp_path, is_harmony=False, environ=broken).error == "no json here"
