"""The benchmark's own arithmetic."""

import subprocess
import sys

from tests.bench.machine import OtherPrograms, busy
from tests.bench.report import medians, ratio, table

ROUNDS = [
    {"nginx": {"us_request": 10.0}, "gateway": {"us_request": us_request}}
    for us_request in (20.0, 30.0, 70.0)
]


def test_medians_and_ratios_are_over_rounds() -> None:
    """One slow round changes neither."""
    assert medians(ROUNDS)["gateway"] == {"us_request": 30.0}
    assert ratio(ROUNDS, "us_request", "gateway", "nginx") == 3
    assert "| us_request | 10 | 30 |" in table(medians(ROUNDS))


def test_another_program_is_noticed() -> None:
    """Figures of a busy machine come with a warning."""
    beside = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    others = OtherPrograms()
    try:
        subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
        share = others.share()
    finally:
        beside.kill()
        beside.wait()

    assert share > 0.1
    assert "Other programs took" in busy({"others": share})
    assert busy({"others": 0.01}) == ""
