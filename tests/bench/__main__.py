"""`python -m tests.bench [--quick] [--answer] [--peers] [--before CHECKOUT]`: measure, and say what
came out.

One processor for the target, the other for mock engine and load. Targets take turns within each
round; what is quoted are medians over rounds of ratios within a round, since the machine drifts.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.bench import peers, trials
from tests.bench.machine import machine
from tests.bench.processes import LOAD_CPU, TARGET_CPU
from tests.bench.report import answers, goals, medians, table
from tests.bench.rounds import answered, by_feature, measure
from tests.bench.targets import BY_FEATURE, SOCKET, TARGETS, Target, before

SLOW = ("litellm", "production-stack")  # what they cannot do shows in the rounds
OURS = ("direct", "nginx", "bare", "gateway")


@dataclass(frozen=True)
class Plan:
    """The measurements, how often each is repeated and for how long."""

    targets: tuple[str, ...]
    rounds: int
    seconds: float
    tried: tuple[str, ...]  # by callers who leave, stall or come back late
    is_whole: bool
    before: Path | None = None  # an older checkout


def main() -> int:
    given = arguments()
    psutil.Process().cpu_affinity([LOAD_CPU])
    plan = plan_of(given)
    out = Path(given.out)
    report: dict[str, Any] = {
        "machine": machine(),
        "seconds": plan.seconds,
        "peers": {name: peers.version(name) for name in peers.PEERS if name in plan.targets},
    }
    if given.answer or plan.is_whole:
        report["answers"] = rounds(plan, answered)
        out.write_text(json.dumps(report, indent=1))  # what was measured stays, whatever comes
        print(answers(report["answers"]))  # noqa: T201 - the result
    if given.answer:
        return 0
    report["rounds"] = rounds(plan, measure)
    out.write_text(json.dumps(report, indent=1))
    report["trials"] = {name: tried(name, plan) for name in plan.tried}
    out.write_text(json.dumps(report, indent=1))
    report["features"] = features(plan) if plan.is_whole or plan.before else []
    out.write_text(json.dumps(report, indent=1))
    for rounds_of in filter(None, (report["rounds"], report["features"])):
        print(table(medians(rounds_of)))  # noqa: T201 - the result
    print(goals(report))  # noqa: T201
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="about two minutes, nginx only")
    parser.add_argument("--answer", action="store_true", help="only CPU of an answer of 600 tokens")
    parser.add_argument("--peers", action="store_true", help="other proxies, too")
    parser.add_argument("--before", type=Path, help="an older checkout's gateway, too")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--out", default=".cache/bench.json")
    return parser.parse_args()


def plan_of(given: argparse.Namespace) -> Plan:
    others = tuple(peers.install_all(peers.PEERS)) if given.peers else ()
    if given.quick:
        rounds, seconds, tried = given.rounds or 3, given.seconds or 1.5, ("gateway",)
        return Plan(OURS, rounds, seconds, tried, is_whole=False, before=given.before)
    if given.answer:
        targets = ("nginx", "bare", "gateway", SOCKET, *others)
        return Plan(targets, given.rounds or 5, given.seconds or 1.5, (), is_whole=False)
    tried_on = ("nginx", "gateway", *(name for name in others if name not in SLOW))
    targets, seconds = (*OURS, *others), given.seconds or 3
    return Plan(targets, given.rounds or 5, seconds, tried_on, is_whole=True, before=given.before)


def rounds(
    plan: Plan, measure: Callable[[Target, float], Mapping[str, float]]
) -> list[dict[str, Any]]:
    measured = []
    for number in range(plan.rounds):
        figures: dict[str, Any] = {}
        for name in plan.targets if number % 2 == 0 else reversed(plan.targets):
            figures[name] = measure(TARGETS[name], plan.seconds)
            print(number, name, json.dumps(figures[name]), flush=True)  # noqa: T201 - progress
        measured.append(figures)
    return measured


def tried(name: str, plan: Plan) -> Mapping[str, float]:
    """Everything that is tried on one target; more on the gateway."""
    figures: dict[str, float] = {}
    for run in (*trials.ON_EACH, *(trials.ON_OURS if name == "gateway" else ())):
        figures |= run(TARGETS[name], TARGET_CPU)
    if name == "gateway" and plan.is_whole:
        figures |= trials.lasting(TARGETS[name], TARGET_CPU)
        figures |= trials.workers(TARGETS[name], TARGETS["gateway, 2 workers"])
    print(name, json.dumps(figures), flush=True)  # noqa: T201 - progress
    return {figure: round(value, 4) for figure, value in figures.items()}


def features(plan: Plan) -> list[dict[str, Any]]:
    """CPU of the gateway by feature, and of an older one; three turns."""
    ours = BY_FEATURE if plan.is_whole else ()
    compared = [TARGETS[name] for name in ("nginx", "gateway", *ours)]
    if plan.before:
        compared.append(before(plan.before))
    return [
        {target.name: by_feature(target, plan.seconds * 0.6) for target in compared}
        for _ in range(3)
    ]


if __name__ == "__main__":
    sys.exit(main())
