"""Evaluation of measured times: by hand, and the record in docs/records."""

from __future__ import annotations

import json

import pytest

from scripts.simulation import calibration
from scripts.simulation.__main__ import MEASURED
from scripts.simulation.engine_speed import from_record
from scripts.simulation.measurement import (
    BATCHES,
    TRAFFIC,
    Observation,
    body,
    limit,
    max_gap_s,
    step_s,
)
from scripts.simulation.scenario import TracedCall


def test_a_step_is_the_time_between_tokens_while_all_are_in_decode() -> None:
    """Neither the first's head start nor the time after the other's end counts."""
    first = Observation(10, 5, (0.1, 0.2, 0.5, 0.8, 1.1))
    second = Observation(10, 3, (0.5, 0.8, 1.1))
    third = Observation(10, 2, (0.4, 0.9))

    assert step_s([first, second]) == pytest.approx(0.3)
    assert step_s([second, third]) == pytest.approx(0.3)


def test_the_gap_that_a_prefill_causes() -> None:
    """The longest gap that overlaps the time of the prefill."""
    observation = Observation(10, 5, (0.1, 0.2, 0.6, 0.7, 1.5))

    assert max_gap_s([observation], 0.3, 0.65) == pytest.approx(0.4)
    assert max_gap_s([observation], 0.65, 0.69) == pytest.approx(0.1)


def test_the_limit_of_a_measured_engine() -> None:
    """Batches of 24: 24 / (24 tokens * 0.1 s + 24 * (0.1 s + 64 tokens * 1 ms))."""
    measured = {
        "steps": [{"batch": batch, "step_s": 0.1} for batch in BATCHES],
        "written": 8,
        "among": [
            {"tokens_in": 100, "held_s": 0.3, "first_s": 0.4},
            {"tokens_in": 300, "held_s": 0.5, "first_s": 0.6},
        ],
    }
    prompt_s = 0.1 + TRAFFIC.tokens_in * 0.001

    assert limit(from_record(measured, 24)) == pytest.approx(
        24 / (TRAFFIC.tokens_out * 0.1 + 24 * prompt_s)
    )


def test_no_two_prompts_begin_alike() -> None:
    """Else the second would be read from the engine's cache."""
    texts = [body("m", TracedCall(0, 200, 4))["messages"][0]["content"] for _ in range(20)]

    assert len({text[:60] for text in texts}) == 20


def test_the_record_is_predicted() -> None:
    """The two real engines within the errors that docs/capacity.md tells."""
    rows = calibration.two_engines(json.loads(MEASURED.read_text()))

    def worst(name: str) -> float:
        return max(abs(row.error) for row in rows if row.name == name)

    assert worst("rate") < 0.05
    assert worst("first_p50_s") < 0.2
    assert worst("token_s") < 0.5
