"""A thousand open streams, two hundred requests a second, one caller in ten ill-behaved."""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import linear_regression

import psutil
import pytest
import uvloop

from tests.contract.fixtures import Start, StartEngine
from tests.contract.surfaces import COMPLETIONS
from tests.faults.load import Crowd
from tests.gateway.auth.conftest import add_key
from tests.waiting import until

SECONDS = float(os.environ.get("MMHIE_TEST_LOAD_SECONDS", "120"))
STREAMS = int(os.environ.get("MMHIE_TEST_LOAD_STREAMS", "1000"))
FILES = 16384
# Each stream's tokens come two seconds apart: what is tried is how many there are.
TOKEN_S = 2.0
SAMPLE_S = 2.0
WARM_UP = 0.4  # of the time; until then buffers and pools grow to their size
LEAK_MIB_PER_MINUTE = 1.0

# Of each kind of caller, everything it may get. A full house or a slow queue says so.
CONTRACT: dict[str, set[str]] = {
    "stream": {"complete", "429 too_busy", "503 queue_timeout"},
    "request": {"complete", "429 too_busy", "503 queue_timeout"},
    "slow reader": {"left"},
    "leaver": {"left"},
    "half sender": {"left"},
    "babbler": {"400"},
    "stranger": {"401 unauthorized"},
}


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for all the sockets, here and in the processes that are started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Gauge:
    """Memory and descriptors of a process, over time."""

    def __init__(self, pid: int) -> None:
        self.process = psutil.Process(pid)
        self.samples: list[tuple[float, float]] = []

    @property
    def descriptors(self) -> int:
        return int(self.process.num_fds())

    async def watch(self) -> None:
        """Take samples until cancelled: seconds, MiB."""
        began = time.monotonic()
        while True:
            mib = self.process.memory_info().rss / 2**20
            self.samples.append((time.monotonic() - began, mib))
            await asyncio.sleep(SAMPLE_S)

    def slope(self, after_s: float) -> float:
        """MiB a minute, by least squares, once it is warm."""
        warm = [(at, mib) for at, mib in self.samples if at >= after_s]
        return linear_regression(*zip(*warm, strict=True)).slope * 60


async def pressed(crowd: Crowd, gauge: Gauge, seconds: float) -> None:
    watching = asyncio.create_task(gauge.watch())
    await crowd.run(seconds)
    watching.cancel()


@pytest.mark.slow
@pytest.mark.usefixtures("many_files")
def test_under_load(
    start: Start, start_engine: StartEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No outcome outside the contract, memory flat, descriptors back to the start, and the engine
    left with nothing to do."""
    engine = start_engine("--created", "1795566865")
    engine.next(fault="slow_tokens", seconds=TOKEN_S, path=COMPLETIONS, times=-1)
    key = add_key(tmp_path / "keys.json", "crowd", "generate", "openai")
    gateway = start(
        engine.url,
        MMHIE_KEYS_FILE=str(tmp_path / "keys.json"),
        MMHIE_MAX_INFLIGHT=str(2 * STREAMS),
        MMHIE_MAX_QUEUE=str(STREAMS),
        MMHIE_LOG_LEVEL="warning",
    ).wait()
    gauge = Gauge(gateway.child.pid)
    before = gauge.descriptors
    crowd = Crowd(gateway.port, key, STREAMS)
    uvloop.run(pressed(crowd, gauge, SECONDS))
    outcomes = crowd.outcomes
    slope = gauge.slope(SECONDS * WARM_UP)
    until(lambda: gauge.descriptors <= before)  # idle connections have been let go
    with capsys.disabled():
        sys.stdout.write(f"\n{figures(crowd, gauge, slope)}\n")

    pairs = [outcome.split(": ", 1) for outcome in outcomes]
    assert not [kind for kind, outcome in pairs if outcome not in CONTRACT[kind]], outcomes
    assert crowd.most_open == STREAMS
    for kind in ("request", "stream"):
        every = sum(count for outcome, count in outcomes.items() if kind in outcome)
        assert outcomes[f"{kind}: complete"] > 0.97 * every
    assert slope < LEAK_MIB_PER_MINUTE
    engine.until(lambda stats: stats["running"] == 0)
    assert "Traceback" not in gateway.log
    assert '"level":"error"' not in gateway.log


def figures(crowd: Crowd, gauge: Gauge, slope: float) -> str:
    """Print the figures for a person."""
    done = sum(count for kind, count in crowd.outcomes.items() if kind.startswith("request"))
    most = max(mib for _, mib in gauge.samples)
    lines = [f"{kind}: {count}" for kind, count in sorted(crowd.outcomes.items())]
    return "\n".join(
        (
            f"{SECONDS:.0f} s, {crowd.most_open} streams open, {done / SECONDS:.0f} requests/s",
            *lines,
            f"memory: {gauge.samples[-1][1]:.0f} MiB at the end, most {most:.0f},"
            f" slope {slope:+.2f} MiB/min",
        )
    )
