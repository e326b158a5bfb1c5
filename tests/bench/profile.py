"""`python -m tests.bench.profile [--before CHECKOUT]`: where microseconds go, by py-spy.

Samples, native frames included, are put down to the innermost frame that has a place in PLACES, and
turned into microseconds with the CPU measured without a profiler, which costs some itself.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop

from tests.bench.load import drive
from tests.bench.machine import machine
from tests.bench.processes import LOAD_CPU, TARGET_CPU, Child, engine
from tests.bench.rounds import by_feature
from tests.bench.targets import TARGETS, Target, before, running

PY_SPY = Path(sys.executable).with_name("py-spy")
SECONDS = 12
RATE = 400
# What a frame's text says, from the innermost out; the first that fits counts.
PLACES: Mapping[str, re.Pattern[str]] = {
    place: re.compile(words)
    for place, words in {
        "kernel: sockets": r"^_*(libc_)?(send|writev?|read|recv|epoll_\w+|accept4?)\b",
        "red flags: classifier and rules": r"gateway/safety/red_flags/|re2|_re2",
        "safety: label, provenance, Harmony guard": r"gateway/safety/",
        "audit": r"gateway/audit/",
        "authentication, limits, admission": r"gateway/(auth|limits|cluster|workers|processes)/",
        "metrics": r"gateway/(observability/)?(http_)?metrics|prometheus_client/",
        "log": r"gateway/(observability/)?logs|logging/",
        "upstream client": r"gateway/engine/",
        "proxy": r"gateway/(proxy|generate)/",
        "HTTP server: parser and protocol": r"gateway/server/|httptools|uvicorn/|llhttp",
        "routes, middleware, HTTP": r"gateway/|starlette/|fastapi/",
        "JSON": r"orjson|msgspec|json/",
        "event loop": r"uvloop|asyncio/|uv__",
    }.items()
}
KINDS: dict[str, dict[str, Any]] = {
    "request": {"clients": 64, "stream": False},
    "chunk": {"clients": 256, "stream": True},
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path, help="an older checkout's gateway, too")
    parser.add_argument("--out", default=".cache/bench-profile.json")
    given = parser.parse_args()
    targets = {"gateway": TARGETS["gateway"]}
    if given.before:
        targets["before"] = before(given.before)
    report = {"machine": machine(), **{name: spent(target) for name, target in targets.items()}}
    Path(given.out).write_text(json.dumps(report, indent=1))
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


def place_of(stack: list[str]) -> str:
    """Return the part of the gateway that a sample belongs to."""
    for frame in reversed(stack):
        for place, words in PLACES.items():
            if words.search(frame):
                return place
    return "interpreter, other"


if __name__ == "__main__":
    sys.exit(main())
