"""`python -m tests.bench [--quick] [--peers] [--before CHECKOUT]`: measure, and print a table.

Where valgrind is installed, the instructions of the gateway's requests are counted, too.

One processor is for the target, the other for the mock engine and the load. The targets take turns
within each round, and ratios are medians over rounds, since the speed of a machine drifts.
"""

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from tests.bench import instructions, peers
from tests.bench.machine import MOST_OF_OTHERS, OtherPrograms, busy, machine, save
from tests.bench.processes import LOAD_CPU
from tests.bench.report import medians, table
from tests.bench.rounds import measure
from tests.bench.targets import TARGETS, Target, gateway_before

OURS = ("direct", "nginx", "bare", "gateway")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its servers end with it
    options = parse_arguments()
    psutil.Process().cpu_affinity([LOAD_CPU])
    others = OtherPrograms()
    rounds = run_rounds(choose_targets(options), 2 if options.quick else options.rounds, options)
    where: dict[str, Any] = {**machine(), "others": round(others.share(), 3)}
    counts = {} if options.quick else count_instructions(choose_gateways(options))
    save({"machine": where, "rounds": rounds, "instructions": counts}, Path(options.out))
    print(table(medians(rounds)), table(counts), sep="\n")  # noqa: T201 - the result
    print(busy(where) or "Nothing else ran meanwhile.")  # noqa: T201
    return 0 if where["others"] <= MOST_OF_OTHERS else 3


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="two minutes, without long answers")
    parser.add_argument("--peers", action="store_true", help=f"also {', '.join(peers.PEERS)}")
    parser.add_argument("--before", type=Path, help="also the gateway of an older checkout")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each figure")
    parser.add_argument("--out", default=".cache/bench.json")
    return parser.parse_args()


def choose_targets(options: argparse.Namespace) -> list[Target]:
    names = [*OURS, *(peers.install_all(peers.PEERS) if options.peers else ())]
    before = choose_gateways(options)[1:]
    return [*(TARGETS[name] for name in names), *before]


def choose_gateways(options: argparse.Namespace) -> list[Target]:
    before = [gateway_before(options.before)] if options.before else []
    return [TARGETS["gateway"], *before]


def count_instructions(targets: list[Target]) -> Mapping[str, instructions.Counts]:
    """Return each target's counts; none where valgrind is missing, which is named."""
    if not instructions.is_installed():
        print("Instructions are not counted: apt-get install valgrind")  # noqa: T201
        return {}
    return {target.name: instructions.count(target) for target in targets}


def run_rounds(
    targets: list[Target], count: int, options: argparse.Namespace
) -> list[Mapping[str, Any]]:
    rounds: list[Mapping[str, Any]] = []
    for number in range(count):
        figures: dict[str, Any] = {}
        for target in targets if number % 2 == 0 else reversed(targets):
            figures[target.name] = measure(target, options.seconds, with_answers=not options.quick)
            print(number, target.name, json.dumps(figures[target.name]), flush=True)  # noqa: T201
        rounds.append(figures)
    return rounds


if __name__ == "__main__":
    sys.exit(main())
