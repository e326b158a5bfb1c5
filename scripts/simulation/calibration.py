"""The simulation against reality: the recorded two-engine run, and runs that others published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from launcher.capacity.measured import CHUNK_S, ROUTER_CHUNK_S, Run
from launcher.capacity.roofline import Speed
from launcher.models import families, resolve
from launcher.planning.cards import card
from launcher.planning.memory import ParallelSizes, Workload
from scripts.simulation import pace, result
from scripts.simulation.scenario import Scenario
from scripts.simulation.service import run
from scripts.simulation.trace import Call

CEILING: Final = 256
LONG_S: Final = 10_000.0
NAMES: Final = ("rate", "first_mean_s", "first_p50_s", "first_p99_s", "token_s", "answer_s")


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of one run, as simulated and as measured."""

    offered: float
    name: str
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """The prediction over the measurement, minus one."""
        return self.predicted / self.measured - 1


def two_engines(record: Mapping[str, Any]) -> list[Compared]:
    """Each rate of the record, its own calls at their own times sent through the simulation."""
    rows = []
    for both in record["both"]:
        calls, told = _calls(both["calls"]), measured(both["calls"])
        expected = predicted(record, calls)
        rows += [Compared(both["rate"], name, expected[name], told[name]) for name in NAMES]
    return rows


def _calls(rows: Sequence[Mapping[str, Any]]) -> list[Call]:
    return [Call(row["at_s"], row["tokens_in"], row["tokens_out"]) for row in rows]


def predicted(record: Mapping[str, Any], calls: list[Call]) -> dict[str, float]:
    """What callers will see, from what one engine needs alone and beside the other.

    What gateway and router need for a token is taken from the engines: there are as many processors
    as engines.
    """
    chunk_s = CHUNK_S + ROUTER_CHUNK_S
    scenario = Scenario(
        pace=pace.of_record(record["alone"], CEILING, chunk_s),
        engines=record["engines"],
        calls=calls,
        until_s=LONG_S,
        policy=record["policy"],
        workers=1,
        beside=pace.of_neighbour(record, CEILING, chunk_s),
    )
    seen = [
        {
            "at_s": one.call.at_s,
            "tokens_out": one.call.tokens_out,
            "first_s": one.to_first_s,
            "last_s": one.last_s - one.asked_s,
        }
        for one in run(scenario).journeys
    ]
    return measured(seen)


def measured(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The figures of what callers saw; the rate is answers over the time until the last."""
    firsts = [row["first_s"] for row in rows]
    paces = [
        (row["last_s"] - row["first_s"]) / (row["tokens_out"] - 1)
        for row in rows
        if row["tokens_out"] > 1
    ]
    return {
        "rate": len(rows) / max(row["at_s"] + row["last_s"] for row in rows),
        "first_mean_s": result.mean(firsts),
        "first_p50_s": result.percentile(firsts, 0.5),
        "first_p99_s": result.percentile(firsts, 0.99),
        "token_s": result.mean(paces),
        "answer_s": result.mean([row["last_s"] for row in rows]),
    }


def published(one: Run) -> float:
    """Requests a second when all of a published run's prompts come at once to one engine."""
    model = resolve.from_config(families.CONFIGS[families.GPT_OSS_20B], source="openai/gpt-oss")
    load = Workload(
        model, "mxfp4", ParallelSizes(), 131072, one.tokens_in + one.tokens_out, one.together
    )
    speed = pace.of_speed(Speed(load, card(one.gpu)), one.together, one.tokens_in, one.tokens_out)
    calls = [Call(0.0, one.tokens_in, one.tokens_out)] * one.requests
    outcome = run(Scenario(speed, 1, calls, LONG_S, max_queue=one.requests))
    return one.requests / max(journey.last_s for journey in outcome.journeys)
