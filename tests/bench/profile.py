"""`python -m tests.bench.profile [--instructions] [--before CHECKOUT]`: CPU by step.

Microseconds: py-spy's samples are put down to the innermost frame that is a step of its own, and
multiplied with the CPU measured without a profiler, which costs some itself. Instructions are
counted by callgrind, without the kernel's, at each change of the step (places.c); they need a C
compiler, valgrind and its headers.
"""

import argparse
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import uvloop

from tests.bench.load import drive
from tests.bench.machine import machine, save
from tests.bench.places import place_of
from tests.bench.processes import LOAD_CPU, TARGET_CPU, Child, engine
from tests.bench.rounds import by_feature
from tests.bench.targets import TARGETS, Target, before, running

PY_SPY = Path(sys.executable).with_name("py-spy")
SECONDS = 12
RATE = 400
MARKED = Path(__file__).with_name("places.py")
# What places.c logs in the thread of the event loop; the audit writes its batches in another.
ENDED = re.compile(r"step: (.+)\n[^*]*?\ncurrent-tid: 1\nevents-1: (\d+)\n")
KINDS: dict[str, dict[str, Any]] = {
    "request": {"clients": 64, "stream": False},
    "chunk": {"clients": 256, "stream": True},
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path, help="an older checkout's gateway, too")
    parser.add_argument("--instructions", action="store_true", help="counted by valgrind, too")
    parser.add_argument("--out", default=".cache/bench-profile.json")
    given = parser.parse_args()
    targets = {"gateway": TARGETS["gateway"]}
    if given.before:
        targets["before"] = before(given.before)
    report: dict[str, Any] = {"machine": machine()}
    for name, target in targets.items():
        report[name] = spent(target)
        if given.instructions:
            report[name]["instructions"] = instructions_of(target)
    save(report, Path(given.out))
    print(json.dumps(report, indent=1))  # noqa: T201 - the result
    return 0


def spent(target: Target) -> dict[str, dict[str, float]]:
    """Microseconds by kind and place: shares of the samples, times the CPU that was measured."""
    cost = by_feature(target, 4)
    us = {"request": cost["us_request"], "chunk": cost["us_chunk_256"]}
    return {
        kind: {place: share * us[kind] for place, share in profiled(target, **load).items()}
        for kind, load in KINDS.items()
    }


def profiled(target: Target, *, clients: int, stream: bool) -> dict[str, float]:
    """The share of each place under this load."""
    with engine(chunk_ms=20), running(target, cpu=TARGET_CPU) as process:
        assert process is not None
        uvloop.run(drive(target.port, clients=16, seconds=1, stream=False, key=target.key))
        with tempfile.TemporaryDirectory() as folder:
            samples = Path(folder) / "samples"
            spy = spying(process, samples)
            load = drive(
                target.port, clients=clients, seconds=SECONDS + 2, stream=stream, key=target.key
            )
            uvloop.run(load)
            spy.wait(60)
            return shares(samples.read_text())


def spying(process: Child, samples: Path) -> Child:
    """py-spy at work, on the load's processor."""
    argv = [
        "taskset", "-c", str(LOAD_CPU), str(PY_SPY), "record",
        "--native", "--gil", "--format", "raw",
        "--rate", str(RATE), "--duration", str(SECONDS), "--output", str(samples),
        "--pid", str(process.pid),
    ]  # fmt: skip
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def shares(samples: str) -> dict[str, float]:
    """By place, largest first, of py-spy's lines `outer;...;inner count`."""
    counts: Counter[str] = Counter()
    for line in samples.splitlines():
        stack, _, count = line.rpartition(" ")
        counts[place_of(stack.split(";"))] += int(count)
    return {place: round(count / counts.total(), 4) for place, count in counts.most_common()}


def instructions_of(target: Target) -> dict[str, float]:
    """Instructions of a request by step, of one that is not streamed; the largest first."""
    with engine(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, go = folder / "log", folder / "go"
        marked = replace(target, argv=lambda _: valgrind(log, compile_marks(folder), go))
        ask = partial(drive, target.port, stream=False, key=target.key)
        with running(marked, cpu=TARGET_CPU):
            uvloop.run(ask(clients=16, seconds=10))
            go.touch()
            uvloop.run(ask(clients=1, seconds=5))  # looks each function up
            start = log.stat().st_size
            seen = uvloop.run(ask(clients=1, seconds=10))
            counts = by_step(log.read_text()[start:])
    return {step: round(count / len(seen.latencies)) for step, count in counts.most_common()}


def by_step(log: str) -> Counter[str]:
    """Sum up a log of the event loop's steps, each with the instructions until its end."""
    counts: Counter[str] = Counter()
    for (_, until), (step, total) in pairwise(ENDED.findall(log)):
        counts[step] += int(total) - int(until)
    return counts


def compile_marks(folder: Path) -> Path:
    """Return the marks as a library."""
    library = folder / "places.so"
    include = sysconfig.get_path("include")
    command = ("gcc", "-O2", "-shared", "-fPIC", f"-I{include}", "-o", library)
    subprocess.run([*command, MARKED.with_suffix(".c")], check=True)
    return library


def valgrind(log: Path, library: Path, go: Path) -> Sequence[str]:
    """The gateway with its marks, which log each change of the step."""
    return [
        "valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null",
        f"--log-file={log}", sys.executable, str(MARKED), str(library), str(go),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
