"""Calibration: the recorded run on two engines and published runs, against the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from launcher.capacity.measured import CHUNK_S, ROUTER_CHUNK_S
from launcher.capacity.roofline import Speed
from launcher.models import config, families
from launcher.planning.cards import card
from launcher.planning.memory import ParallelSizes, Workload
from scripts.published_runs import Run
from scripts.simulation import engine_speed
from scripts.simulation.request import percentile
from scripts.simulation.scenario import Scenario, TracedCall
from scripts.simulation.service import run

CEILING: Final = 256
LONG_S: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """One metric of one run, simulated and measured."""

    offered: float
    name: str
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """Relative error of the prediction."""
        return self.predicted / self.measured - 1


def two_engines(record: Mapping[str, Any]) -> list[CalibrationPoint]:
    """Compare each rate of the record with a simulation of the same arrivals."""
    points = []
    for both in record["both"]:
        rows, observed = both["calls"], measured(both["calls"])
        calls = [TracedCall(row["at_s"], row["tokens_in"], row["tokens_out"]) for row in rows]
        expected = predicted(record, calls)
        points += [
            CalibrationPoint(both["rate"], name, expected[name], observed[name])
            for name in expected
        ]
    return points


def predicted(record: Mapping[str, Any], calls: list[TracedCall]) -> dict[str, float]:
    """Predict latencies from the step times of one engine, alone and under contention.

    The CPU time of gateway and router for each token is added to the engines' steps, because the
    machine has as many processors as engines.
    """
    chunk_s = CHUNK_S + ROUTER_CHUNK_S
    scenario = Scenario(
        speed=engine_speed.from_record(record["alone"], CEILING, chunk_s),
        engines=record["engines"],
        calls=calls,
        until_s=LONG_S,
        policy=record["policy"],
        workers=1,
        contended=engine_speed.from_contended_record(record, CEILING, chunk_s),
    )
    seen = [
        {
            "at_s": request.call.at_s,
            "tokens_out": request.call.tokens_out,
            "first_s": request.ttft_s,
            "last_s": request.last_s - request.arrived_s,
        }
        for request in run(scenario).requests
    ]
    return measured(seen)


def measured(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Summarize observed requests; the rate is answers over the time until the last."""
    firsts = [row["first_s"] for row in rows]
    gaps = [
        (row["last_s"] - row["first_s"]) / (row["tokens_out"] - 1)
        for row in rows
        if row["tokens_out"] > 1
    ]
    return {
        "rate": len(rows) / max(row["at_s"] + row["last_s"] for row in rows),
        "first_mean_s": fmean(firsts),
        "first_p50_s": percentile(firsts, 0.5),
        "first_p99_s": percentile(firsts, 0.99),
        "token_s": fmean(gaps),
    }


def published(one: Run) -> float:
    """Simulate a published run, all prompts at once to one engine; return requests per second."""
    model = config.from_config(families.CONFIGS[families.GPT_OSS_20B], source="openai/gpt-oss")
    load = Workload(
        model, "mxfp4", ParallelSizes(), 131072, one.tokens_in + one.tokens_out, one.together
    )
    speed = engine_speed.from_roofline(
        Speed(load, card(one.gpu)), one.together, one.tokens_in, one.tokens_out
    )
    calls = [TracedCall(0.0, one.tokens_in, one.tokens_out)] * one.requests
    outcome = run(Scenario(speed, 1, calls, LONG_S))
    return one.requests / max(request.last_s for request in outcome.requests)
