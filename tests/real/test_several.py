"""Two real engines behind vLLM's router: requests spread, one dies under load and comes back."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.models import completer
from tests.real.callers import Callers
from tests.real.stack import Stack, command_line, running
from tests.real.test_serve import alive
from tests.waiting import until

pytestmark = pytest.mark.slow

CLIENTS = 6
FINISHED = re.compile(r'^vllm:request_success_total\{.*engine="(\d)".*\} (\S+)$', re.MULTILINE)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two engines of one core each."""
    folder = tmp_path_factory.mktemp("pair")
    with running(folder, MMHIE_REASONER_MODEL=str(completer.model()), MMHIE_ENGINES="2") as stack:
        yield stack


def answered(stack: Stack) -> list[float]:
    """Requests each engine has finished, from the gateway's one scrape."""
    counts: defaultdict[str, float] = defaultdict(float)
    for engine, count in FINISHED.findall(httpx2.get(f"{stack.base_url}/metrics").text):
        counts[engine] += float(count)
    return [counts[engine] for engine in sorted(counts)]


def engines(stack: Stack) -> list[psutil.Process]:
    """The two vLLM servers, without the guards that started them."""
    return [
        process
        for process in stack.processes()
        if "api_server" in command_line(process)
        and "parent_death_guard.py" not in command_line(process)
    ]


def test_requests_are_spread(pair: Stack) -> None:
    """Both engines answer, and one scrape shows both."""
    with Callers(pair.base_url, CLIENTS) as callers:
        until(lambda: len(answered(pair)) == 2 and min(answered(pair)) >= CLIENTS)

    assert set(callers.since(0)) == {"whole"}


def test_one_engine_dies_under_load(pair: Stack) -> None:
    """Nothing is lost but the streams that were on it; it comes back and works again."""
    with Callers(pair.base_url, CLIENTS) as callers:
        until(lambda: callers.since(0).total() >= CLIENTS)
        engines(pair)[0].kill()
        callers.pause_s = 3.0  # the next engine needs the cores for its start
        until(lambda: "of 2" in detail(pair))
        until(lambda: "of 2" not in (detail(pair) or "of 2"), every_s=0.5)
        before = answered(pair)
        until(lambda: all(now > then for now, then in zip(answered(pair), before, strict=True)))

    ended = callers.since(0)
    lost = ended.total() - ended["whole"]
    # What was on it: a stream is cut, and what had no byte of an answer yet is a 502.
    assert not [outcome for outcome in ended if not re.match("whole|in band|502 ", outcome)]
    assert lost <= CLIENTS


def test_nothing_outlives_a_killed_launcher(pair: Stack) -> None:
    """SIGKILL to the launcher: its processes follow."""
    processes, folder = pair.processes(), Path(pair.gateway_environ["MMHIE_PHASE_FILE"]).parent
    pair.process.kill()
    pair.process.wait()

    assert len(processes) >= 9
    until(lambda: not alive(processes))
    shutil.rmtree(folder)  # who is killed cannot clear away


def detail(pair: Stack) -> str:
    """Return the health's sentence of a service that is ready all the while."""
    health = pair.health()
    assert health.get("phase", "ready") == "ready", health
    return str(health.get("detail", ""))
