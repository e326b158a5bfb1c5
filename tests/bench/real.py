"""`python -m tests.bench.real [--out FILE]`: a real vLLM, direct and through the gateway, in turns.

The engine has one processor, gateway and load the other, which is 1, 4 and 16 streams.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import uvloop

from tests.bench.load import drive
from tests.bench.machine import machine, save
from tests.bench.processes import LOAD_CPU, TARGET_CPU, Child, until_200
from tests.bench.rounds import quantile
from tests.bench.targets import FEATURES, KEY, PORT, ours

ENGINE_PORT = 8001  # that of `mmhie engine`
ENGINE_KEY = "bench-engine-key"
STREAMS = (1, 4, 16)
TOKENS = 48
ROUNDS = 5
SECONDS = 5.0
WAYS = {"direct": (ENGINE_PORT, ENGINE_KEY), "gateway": (PORT, KEY)}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=".cache/bench-real.json")
    out = Path(parser.parse_args().out)
    with tempfile.TemporaryDirectory() as folder, both(Path(folder)) as model:
        rounds = [measured(number, model) for number in range(ROUNDS)]
    save({"machine": machine(), "rounds": rounds}, out)
    print(json.dumps(ratios(rounds), indent=1))  # noqa: T201 - the result
    return 0


@contextmanager
def both(folder: Path) -> Iterator[str]:
    """Engine and gateway; the model's name."""
    engine = {
        "MMHIE_REASONER_MODEL": "embedded",
        "MMHIE_ENGINE_API_KEY": ENGINE_KEY,
        "MMHIE_PHASE_FILE": str(folder / "phase.json"),
    }
    gateway = {
        **ours(folder, FEATURES),
        "MMHIE_ENGINE_URL": f"http://127.0.0.1:{ENGINE_PORT}",
        "MMHIE_ENGINE_API_KEY": ENGINE_KEY,
        "MMHIE_PHASE_FILE": str(folder / "phase.json"),
    }
    with (
        process(TARGET_CPU, engine, str(Path(sys.executable).with_name("mmhie")), "engine"),
        process(LOAD_CPU, gateway, sys.executable, "-m", "gateway") as running,
    ):
        yield public_model(running)


@contextmanager
def process(cpu: int, environ: Mapping[str, str], *argv: str) -> Iterator[Child]:
    started = subprocess.Popen(
        ["taskset", "-c", str(cpu), *argv],
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(30)


def public_model(gateway: Child) -> str:
    """The name under which both serve it, once they do; raises RuntimeError."""
    until_200(f"http://127.0.0.1:{PORT}/readyz", gateway)
    headers = {"authorization": f"Bearer {KEY}"}
    shown = httpx2.get(f"http://127.0.0.1:{PORT}/v1/models", headers=headers, timeout=5)
    return str(shown.json()["data"][0]["id"])


def measured(number: int, model: str) -> dict[str, Any]:
    """One round: every number of streams, both ways in turns."""
    ways = list(WAYS) if number % 2 == 0 else list(reversed(WAYS))
    figures = {
        str(streams): {way: streamed(way, streams, model) for way in ways} for streams in STREAMS
    }
    print(number, json.dumps(figures), flush=True)  # noqa: T201 - progress
    return figures


def streamed(way: str, streams: int, model: str) -> dict[str, float]:
    """Tokens a second and TTFT of one way; vLLM sends a token a chunk."""
    port, key = WAYS[way]
    began = time.perf_counter()
    run = drive(
        port, clients=streams, seconds=SECONDS, stream=True, tokens=TOKENS, key=key, model=model,
        ignore_eos=True,
    )  # fmt: skip
    seen = uvloop.run(run)
    return {
        "tokens_s": seen.chunks / (time.perf_counter() - began),
        "ttft_p50_ms": quantile(seen.ttft, 0.5),
        "ttft_p99_ms": quantile(seen.ttft, 0.99),
        "gap_p50_ms": quantile(seen.gaps, 0.5),
        "errors": seen.errors,
    }


def ratios(rounds: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By streams: the median over rounds of the gateway's tokens a second over the engine's, and
    of what it adds to TTFT."""
    compared = {}
    for streams in map(str, STREAMS):
        pairs = [(round_[streams]["direct"], round_[streams]["gateway"]) for round_ in rounds]
        compared[streams] = {
            "throughput": median(ours["tokens_s"] / its["tokens_s"] for its, ours in pairs),
            "added_ttft_p50_ms": median(
                ours["ttft_p50_ms"] - its["ttft_p50_ms"] for its, ours in pairs
            ),
        }
    return compared


if __name__ == "__main__":
    sys.exit(main())
