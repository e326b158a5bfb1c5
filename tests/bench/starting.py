"""`python -m tests.bench.starting [--out FILE]`: where the seconds of `make run`'s second start go.

What is timed are the lines vLLM writes as `mmhie serve` shows them, and /healthz; medians of three.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.machine import machine, save
from tests.bench.processes import until_200

PORT = 18300
URL = f"http://127.0.0.1:{PORT}"
TIMES = 3
# In the order in which they come; each names what has ended when its line is read.
MARKS = (
    ("launcher plans, engine process imports vLLM", re.compile(r"Resolved architecture:")),
    ("arguments and configuration", re.compile(r"Initializing a V1 LLM engine")),
    ("engine core process imports", re.compile(r"Starting to load model ")),
    ("weights", re.compile(r"Loading weights took ")),
    ("profile, KV cache, warm-up", re.compile(r"init engine \(.*\) took ")),
    ("API server", re.compile(r"Starting vLLM server on ")),
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=".cache/bench-start.json")
    out = Path(parser.parse_args().out)
    with tempfile.TemporaryDirectory() as folder:
        started(Path(folder))  # the first start fills the caches
        runs = [started(Path(folder)) for _ in range(TIMES)]
    report = {
        "machine": machine(),
        "seconds": {name: statistics.median(run[name] for run in runs) for name in runs[0]},
    }
    save(report, out)
    print(out.read_text())  # noqa: T201 - the result
    return 0


def started(folder: Path) -> dict[str, float]:
    """Seconds of each part, of the gateway's first answer, and of it all."""
    began = time.perf_counter()
    with serving(folder) as process:
        seen: dict[str, float] = {}
        reader = threading.Thread(target=note, args=(process, began, seen), daemon=True)
        reader.start()
        until_200(f"{URL}/healthz", process)
        healthz = time.perf_counter() - began
        until_200(f"{URL}/readyz", process)
        ready = time.perf_counter() - began
    return parts(seen, ready) | {"/healthz responds": round(healthz, 2), "ready": round(ready, 2)}


@contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`mmhie serve` on the embedded model."""
    environ = {"MMHIE_CACHE_DIR": str(folder), "MMHIE_PORT": str(PORT)}
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("mmhie")), "serve", "--without-gpu", "embedded"],
        env={**os.environ, **environ},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def note(process: subprocess.Popen[str], began: float, seen: dict[str, float]) -> None:
    """Note the time at which each mark's line was first read."""
    assert process.stdout is not None
    for line in process.stdout:
        for name, words in MARKS:
            if name not in seen and words.search(line):
                seen[name] = time.perf_counter() - began


def parts(seen: dict[str, float], ready: float) -> dict[str, float]:
    """Seconds between one mark and the next, the last one's until ready."""
    durations, before = {}, 0.0
    for name, _ in MARKS:
        durations[name] = round(seen[name] - before, 2)
        before = seen[name]
    return durations | {"first response of /health": round(ready - before, 2)}


if __name__ == "__main__":
    sys.exit(main())
