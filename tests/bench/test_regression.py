"""The relay's CPU against nginx's, in turns on one processor: the floors of CI, which are wide."""

import shutil
import statistics

import pytest

from tests.bench.report import GOALS
from tests.bench.rounds import by_feature
from tests.bench.targets import TARGETS

TURNS = 5
SECONDS = 1.2
COSTS = {
    "us_request": "CPU a request against nginx",
    "us_chunk_256": "CPU a chunk against nginx, 256 streams",
}
FLOORS = {goal.what: goal.floor for goal in GOALS if goal.what in COSTS.values()}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") is None,
        reason="needs nginx",
    ),
]


def test_relay_costs_no_more_cpu_than_its_floors() -> None:
    """The median over turns of the ratio within each; one more look before it is called a fault."""
    over = dearer(ratios()) and dearer(ratios())
    assert not over, f"{over}, where CI allows {FLOORS}"


def ratios() -> dict[str, float]:
    turns = [
        {name: by_feature(TARGETS[name], SECONDS) for name in ("nginx", "gateway")}
        for _ in range(TURNS)
    ]
    return {
        what: statistics.median(one["gateway"][figure] / one["nginx"][figure] for one in turns)
        for figure, what in COSTS.items()
    }


def dearer(found: dict[str, float]) -> dict[str, float]:
    """Those over their floors."""
    return {what: value for what, value in found.items() if value > FLOORS[what]}
