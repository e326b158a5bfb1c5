"""Atheris at every target for a short while; `make fuzz` takes as long as it is told."""

import subprocess
import sys

import pytest

from tests.contract.process import ROOT
from tests.fuzz.seeds import SEEDS

SECONDS = 2 * len(SEEDS)


@pytest.mark.slow
def test_nothing_is_found() -> None:
    """No crash, no input that takes seconds, no memory without end."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", str(SECONDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SEEDS)} targets, " in done.stdout


@pytest.mark.slow
def test_a_crash_is_told() -> None:
    """A target that raises ends in exit code 1, and the input is kept."""
    broken = (
        "import sys; from tests.fuzz import targets; targets.TARGETS['chunks'](b'x');"
        "import tests.fuzz.__main__ as fuzz; fuzz.SEEDS['nothing'] = (b'a',);"
        "sys.exit(fuzz.main(['--seconds', '1', 'nothing']))"
    )
    done = subprocess.run([sys.executable, "-c", broken], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert "nothing: exit code 1" in done.stderr
