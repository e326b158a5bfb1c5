"""The gateway's CPU against a bare relay's, in turns on one processor: it does not grow unseen."""

import pytest

from tests.bench.report import ratio
from tests.bench.rounds import measure_cpu
from tests.bench.targets import TARGETS

TURNS = 5
SECONDS = 1.2
# Over that of a relay which does nothing else: what the gateway costs today (docs/performance.md)
# and a wide margin. Lower them with it.
LIMITS = {"us_request": 4.2, "us_chunk_256": 1.6}

pytestmark = pytest.mark.slow


def test_relay_costs_no_more_cpu_than_its_limits() -> None:
    """The median over turns of the ratio within each; one more look before it is called a fault."""
    over = dearer() and dearer()
    assert not over, f"{over}, where the limits are {LIMITS}"


def dearer() -> dict[str, float]:
    """Measure; return the ratios over their limits."""
    turns = [
        {name: measure_cpu(TARGETS[name], SECONDS) for name in ("bare", "gateway")}
        for _ in range(TURNS)
    ]
    ratios = {figure: ratio(turns, figure, "gateway", "bare") for figure in LIMITS}
    return {figure: value for figure, value in ratios.items() if value > LIMITS[figure]}
