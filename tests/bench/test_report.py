"""The benchmark's own arithmetic, and that each of its programs can be started."""

import subprocess
import sys

import pytest

from tests.bench.report import GOALS, answers, goals

ROUND = {
    "direct": {"us_answer": 0.0, "us_chunk": 0.0},
    "nginx": {"us_answer": 6020.0, "us_chunk": 10.0},
    "gateway": {"us_answer": 12_400.0, "us_chunk": 20.0},
}


def test_an_answer_beside_nginx_and_a_gpu() -> None:
    """12.4 ms, of which an H100 asks for 14.7 a second."""
    line = next(line for line in answers([ROUND]).splitlines() if "gateway" in line)

    assert line == "| gateway | 12.4 ms | 2.06x | 20.0 µs | 2.00x | 5.5 | 0.8% |"


def test_goals_of_what_was_left_out_are_empty() -> None:
    """Every goal has its line, whichever peers and trials a run had."""
    lines = goals({"answers": [ROUND], "rounds": [ROUND], "trials": {}}).splitlines()[2:]

    assert len(lines) == len(GOALS)
    assert any("2x" in line for line in lines)


@pytest.mark.parametrize("program", ["tests.bench", "tests.bench.real", "tests.bench.starting"])
def test_it_can_be_started(program: str) -> None:
    """The module starts, and prints its help."""
    asked = [sys.executable, "-m", program, "--help"]
    assert "--out" in subprocess.run(asked, capture_output=True, text=True, check=True).stdout
