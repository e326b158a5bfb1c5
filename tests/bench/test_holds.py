"""No input keeps everybody else waiting: what the gateway computes while one look at it waits."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.runtime.loop_watchdog import BLOCKED_S
from tests.bench.holds import Harness, harness
from tests.bench.inputs import INPUTS
from tests.contract.process import Gateway, Process

pytestmark = pytest.mark.slow

HELD_MS = 2 * BLOCKED_S * 1000  # half is an operator's business, and a slow machine takes twice
LOOKS = 3
# What would hold the loop, or the interpreter from a thread, and an input that shows it.
FAULTS = {
    "heavy work on the loop": (
        "from gateway.runtime.heavy_work import HeavyWork\n"
        "async def run(self, work): return work()\n"
        "HeavyWork.run = run",
        "chat: 20 MB of log probabilities",
    ),
    "twenty megabytes parsed in one go": (
        "from gateway.proxy.light_answer import LightAnswer\n"
        "from gateway.engine import openai_json\n"
        "LightAnswer.of = lambda answer: LightAnswer(answer, answer)\n"
        "openai_json.LARGEST_PARSED_BYTES = 1 << 30\n"
        "openai_json.holds_too_much = lambda *_: False",
        "chat: 20 MB of log probabilities",
    ),
}
START = "\nimport sys\nfrom gateway.__main__ import main\nsys.exit(main())"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with harness(tmp_path_factory.mktemp("holds")) as bench:
        yield bench


@pytest.mark.parametrize("name", INPUTS)
def test_an_input(bench: Harness, name: str) -> None:
    """One look of a few is enough, since a busy machine only adds."""
    assert any(bench.hold(name).cpu_ms < HELD_MS for _ in range(LOOKS))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_hold_is_seen(tmp_path: Path, fault: str) -> None:
    """Whichever thread it is in."""
    code, name = FAULTS[fault]

    class Faulty(Gateway):
        def begin(self, environ: Mapping[str, str], folder: Path) -> Process:
            return self.executed([sys.executable, "-c", code + START], environ, folder)

    with harness(tmp_path, Faulty) as bench:
        assert all(bench.hold(name).cpu_ms > HELD_MS for _ in range(LOOKS))
