"""`python -m tests.bench [--quick] [--answer] [--peers] [--before CHECKOUT]`: measure, and say what
came out.

One processor for the target, the other for mock engine and load. Targets take turns within each
round; what is quoted are medians over rounds of ratios within a round, since the machine drifts.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tests.bench import holds, peers, trials
from tests.bench.machine import MOST_OF_OTHERS, OtherPrograms, busy, machine, save
from tests.bench.processes import LOAD_CPU, TARGET_CPU
from tests.bench.report import answers, goals, medians, table
from tests.bench.rounds import answered, by_feature, measure
from tests.bench.targets import BY_FEATURE, SOCKET, TARGETS, Target, before

SLOW = ("litellm", "litellm-python", "production-stack")
SLOW_ROUNDS = (2, 4)  # the others are in all five
OURS = ("direct", "nginx", "bare", "gateway")


@dataclass(frozen=True)
class Plan:
    """The measurements, how often each is repeated and for how long."""

    targets: tuple[str, ...]
    rounds: int
    seconds: float
    is_whole: bool
    before: Path | None = None  # an older checkout


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its servers end with it
    given = arguments()
    psutil.Process().cpu_affinity([LOAD_CPU])
    plan, others = plan_of(given), OtherPrograms()
    report: dict[str, Any] = {
        "machine": machine(),
        "seconds": plan.seconds,
        "peers": {name: peers.version(name) for name in peers.PEERS if name in plan.targets},
    }
    for part, measured in parts(plan, given.answer):
        report[part] = measured()
        report["machine"]["others"] = round(others.share(), 3)
        save(report, Path(given.out))  # stays, whatever comes
    say(report)
    return 0 if report["machine"]["others"] <= MOST_OF_OTHERS else 3


def parts(plan: Plan, is_answer_only: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name what is measured, in its order, and how."""
    if is_answer_only:
        yield "rounds", lambda: rounds(plan, answered)
    else:
        yield "rounds", lambda: rounds(plan, partial(measure, with_answers=plan.is_whole))
        yield "trials", lambda: {"gateway": tried(plan)}
    if plan.is_whole:
        yield "holds", holds.measure
    if plan.is_whole or plan.before:
        yield "features", lambda: features(plan)


def say(report: Mapping[str, Any]) -> None:
    """Print the tables, and whether they may be published."""
    if "us_answer" in report["rounds"][0]["nginx"]:
        print(answers(report["rounds"]))  # noqa: T201 - the result
    for rounds_of in (report[part] for part in ("rounds", "features") if part in report):
        print(table(medians(rounds_of)))  # noqa: T201
    if "trials" in report:
        print(goals(report))  # noqa: T201
    print(busy(report["machine"]) or "Nothing else ran meanwhile.")  # noqa: T201


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
    seconds = given.seconds or 1.5
    if given.quick:
        return Plan(OURS, given.rounds or 3, seconds, is_whole=False, before=given.before)
    if given.answer:
        targets = ("nginx", "bare", "gateway", SOCKET, *others)
        return Plan(targets, given.rounds or 5, seconds, is_whole=False)
    targets = (*OURS, *others)
    return Plan(targets, given.rounds or 5, seconds, is_whole=True, before=given.before)


def rounds(
    plan: Plan, measure: Callable[[Target, float], Mapping[str, float]]
) -> list[dict[str, Any]]:
    measured = []
    for number in range(plan.rounds):
        figures: dict[str, Any] = {}
        in_turn = [name for name in plan.targets if number in SLOW_ROUNDS or name not in SLOW]
        for name in in_turn if number % 2 == 0 else reversed(in_turn):
            figures[name] = measure(TARGETS[name], plan.seconds)
            print(number, name, json.dumps(figures[name]), flush=True)  # noqa: T201 - progress
        measured.append(figures)
    return measured


def tried(plan: Plan) -> Mapping[str, float]:
    """Everything that is tried once on the gateway."""
    figures: dict[str, float] = {}
    target = TARGETS["gateway"]
    for run in trials.QUICK:
        figures |= run(target, TARGET_CPU)
    if plan.is_whole:
        figures |= trials.lasting(target, TARGET_CPU)
        figures |= trials.workers(target, TARGETS["gateway, 2 workers"])
    print("gateway", json.dumps(figures), flush=True)  # noqa: T201 - progress
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
