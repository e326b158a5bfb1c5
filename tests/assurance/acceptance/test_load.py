"""The load in turns: who comes when, and what several turns come to."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from assurance.acceptance.checks import load
from assurance.acceptance.cpu_time import CpuTime
from assurance.acceptance.prompts import notes
from assurance.acceptance.turns import LEAST_REQUESTS, LoadTurn
from gateway.api.request_text import Turn as Said
from gateway.safety.red_flags.model import model
from gateway.safety.red_flags.screening import raised
from tests.assurance.acceptance.targets import FACTS

BURN = "import time\nwhile time.process_time() < {seconds}: pass"


def result(requests: int, seconds: float, ttft: float) -> dict[str, Any]:
    """A result of `bench serve`: nine tokens of each request, 10 ms apart."""
    return {
        "completed": requests,
        "total_output_tokens": requests * 9,
        "duration": seconds,
        "ttfts": [ttft] * requests,
        "itls": [[0.01] * 8] * requests,
        "output_lens": [9] * requests,
    }


@pytest.fixture
def two(tmp_path: Path) -> list[LoadTurn]:
    """Two turns of one way, the second of which took thrice as long."""
    turns = [LoadTurn("through", 4, number, tmp_path) for number in range(2)]
    for turn, seconds in zip(turns, (1.0, 3.0), strict=True):
        turn.result.write_text(json.dumps(result(turn.requests, seconds, ttft=seconds / 10)))
    return turns


def test_each_way_comes_early_and_late(tmp_path: Path) -> None:
    """A machine that slows down over a level slows both ways; the first turns are not counted."""
    planned = load.turns(replace(FACTS, limit=16), tmp_path)

    assert [turn.way for turn in planned[:2]] == ["past", "through"]
    assert {turn.concurrency for turn in planned[:2]} == {1}
    for level in (1, 16):
        order = [turn.way for turn in planned[2:] if turn.concurrency == level]
        assert order == order[::-1]
        assert sorted(set(order)) == sorted(load.WAYS)


def test_no_turn_finds_the_prompts_of_another(tmp_path: Path) -> None:
    """The seed and the file of each are its own."""
    planned = load.turns(replace(FACTS, limit=256), tmp_path)

    assert len({turn.number for turn in planned}) == len(planned)
    assert len({turn.result for turn in planned}) == len(planned)
    assert min(turn.requests for turn in planned) >= LEAST_REQUESTS


def test_prompts_are_like_what_a_clinic_writes() -> None:
    """Few red flags, no two with the same beginning, and in every run the same."""
    made = list(islice(notes(7, 96), 300))

    assert made == list(islice(notes(7, 96), 300))
    assert made[0] != next(notes(8, 96))
    assert len({note[:18] for note in made}) == len(made)
    assert all(96 <= len(note.split()) < 106 for note in made)
    noticed = [bool(raised([Said("user", note)], model().threshold).now) for note in made]
    assert sum(noticed) < len(made) / 20


def test_turns_are_added_up(two: list[LoadTurn]) -> None:
    """Tokens over seconds of all turns: a mean of speeds would count the short turn thrice."""
    run = load.run_of(two)

    assert (run.way, run.concurrency, run.completed, run.failed) == ("through", 4, 16, 0)
    assert run.tokens_s == 16 * 9 / 4
    assert (run.ttft_p50_ms, run.ttft_p99_ms) == (300.0, 300.0)
    assert run.tpot_p50_ms == 10.0


def test_what_failed_has_no_times(two: list[LoadTurn]) -> None:
    """A request without an answer is counted as failed, and its zeros are no first token."""
    document = result(two[0].requests - 1, 1.0, ttft=0.1)
    for name, nothing in (("ttfts", 0.0), ("itls", []), ("output_lens", 0)):
        document[name] = [*document[name], nothing]
    two[0].result.write_text(json.dumps(document))

    assert load.run_of(two[:1]).failed == 1
    assert [ttft for ttft, _ in load.times_of(document)] == [100.0] * 7


def test_no_answer_at_all(two: list[LoadTurn]) -> None:
    """Everything failed, and nothing is divided by it."""
    nothing = {"completed": 0, "total_output_tokens": 0, "ttfts": [], "itls": [], "output_lens": []}
    two[0].result.write_text(json.dumps({**nothing, "duration": 1.0}))
    run = load.run_of(two[:1])

    assert (run.failed, run.tokens_s, run.ttft_p99_ms) == (8, 0.0, 0.0)


def test_cores_that_others_keep_busy() -> None:
    """The machine's work without ours, over the seconds of the clock; never less than none."""
    before = CpuTime(clock=100.0, busy=50.0, ours=20.0)

    assert CpuTime(110.0, 65.0, 25.0).others_since(before) == 1.0
    assert CpuTime(110.0, 55.0, 26.0).others_since(before) == 0.0


def test_work_of_a_child_is_ours() -> None:
    """Also after its end, as the load generator's is when it is looked at."""
    before = CpuTime.now()
    subprocess.run([sys.executable, "-c", BURN.format(seconds=0.7)], check=True)
    after = CpuTime.now()

    assert after.ours - before.ours >= 0.5
    assert after.busy - before.busy >= 0.4
