"""`python -m tests.bench [--rounds N] [--targets a,b] [--seconds S] [--out FILE]`.

One processor for the target, the other for mock engine and load. Targets take turns within each
round; what is quoted are medians over rounds of ratios within a round, since the machine drifts.
"""

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psutil
import uvloop

from tests.bench.load import drive
from tests.bench.targets import ENGINE_PORT, TARGETS, Target, running

TARGET_CPU, LOAD_CPU = 1, 0
STREAM_TOKENS = 100


def main() -> int:
    given = arguments()
    psutil.Process().cpu_affinity([LOAD_CPU])
    rounds: list[dict[str, Any]] = []
    for number in range(given.rounds):
        one = {}
        names = given.targets.split(",")
        for name in names if number % 2 == 0 else reversed(names):
            one[name] = measure(TARGETS[name], given.seconds)
            print(number, name, json.dumps(one[name]), flush=True)  # noqa: T201 - progress
        rounds.append(one)
    report = {"machine": machine(), "seconds": given.seconds, "rounds": rounds}
    report["summary"] = summary(rounds)
    Path(given.out).write_text(json.dumps(report, indent=1))
    print(table(report["summary"]))  # noqa: T201 - the result
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--targets", default="direct,nginx,gateway")
    parser.add_argument("--out", default="bench.json")
    return parser.parse_args()


def measure(target: Target, seconds: float) -> dict[str, float]:
    """Every figure of one target, once."""
    figures: dict[str, float] = {}
    with engine(chunk_ms=20), running(target, cpu=TARGET_CPU) as process:
        uvloop.run(drive(target.port, clients=16, seconds=1.5, stream=False, key=target.key))
        figures |= whole(target, process, seconds)
        figures |= lone(target, seconds / 2)
        for streams in (64, 256):
            figures |= streamed(target, process, streams, seconds)
        if process is not None:
            figures["rss_mb"] = sum(p.memory_info().rss for p in tree(process)) / 2**20
            figures["freed_ms"] = freed_ms(target)
    return {name: round(value, 4) for name, value in figures.items()}


def whole(target: Target, process: Any, seconds: float) -> dict[str, float]:
    """Saturated with 64 clients: requests a second, CPU a request."""
    before = cpu_s(process)
    seen = uvloop.run(drive(target.port, clients=64, seconds=seconds, stream=False, key=target.key))
    count = len(seen.latencies)
    return {
        "req_s": count / seconds,
        "cpu_ms_req": (cpu_s(process) - before) * 1000 / max(1, count),
        "errors": seen.errors,
    }


def lone(target: Target, seconds: float) -> dict[str, float]:
    """One client: latency."""
    seen = uvloop.run(drive(target.port, clients=1, seconds=seconds, stream=False, key=target.key))
    return {"c1_p50_ms": quantile(seen.latencies, 0.5), "c1_p99_ms": quantile(seen.latencies, 0.99)}


def streamed(target: Target, process: Any, streams: int, seconds: float) -> dict[str, float]:
    """Streams of a chunk every 20 ms: CPU a chunk, TTFT, time between chunks."""
    before = cpu_s(process)
    seen = uvloop.run(
        drive(
            target.port,
            clients=streams,
            seconds=seconds,
            stream=True,
            tokens=STREAM_TOKENS,
            key=target.key,
        )
    )
    cpu = (cpu_s(process) - before) * 1e6 / max(1, seen.chunks)
    return {
        f"us_chunk_{streams}": cpu,
        f"ttft_p50_ms_{streams}": quantile(seen.ttft, 0.5),
        f"ttft_p99_ms_{streams}": quantile(seen.ttft, 0.99),
        f"gap_p99_ms_{streams}": quantile(seen.gaps, 0.99),
        f"errors_{streams}": seen.errors,
    }


def freed_ms(target: Target) -> float:
    """How long after a caller leaves, mid-stream, the engine is free; -1 when not within 3 s."""

    async def leave() -> float:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{target.port}") as client:
            body = {
                "model": "bench",
                "max_tokens": 500,
                "stream": True,
                "messages": [{"role": "user", "content": "a"}],
            }
            headers = {"authorization": f"Bearer {target.key}"} if target.key else {}
            async with client.stream(
                "POST", "/v1/chat/completions", json=body, headers=headers
            ) as answer:
                async for _ in answer.aiter_bytes():
                    break
            left = time.perf_counter()
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{ENGINE_PORT}") as engine_client:
            while time.perf_counter() - left < 3:
                if (await engine_client.get("/_running")).text == "0":
                    return (time.perf_counter() - left) * 1000
                await asyncio.sleep(0.005)
        return -1

    return asyncio.run(leave())


@contextmanager
def engine(*, chunk_ms: float) -> Iterator[None]:
    """The mock engine on the load's processor."""
    process = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CPU), sys.executable, "-m", "tests.bench.mock_engine",
         "--port", str(ENGINE_PORT), "--chunk-ms", str(chunk_ms)]
    )  # fmt: skip
    try:
        time.sleep(0.7)
        yield
    finally:
        process.terminate()
        process.wait(10)


def tree(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    root = psutil.Process(process.pid)
    return [root, *root.children(recursive=True)]


def cpu_s(process: subprocess.Popen[bytes] | None) -> float:
    """Processor seconds of a process tree so far, by the scheduler's clock: psutil's ticks are
    10 ms, too coarse for a short run."""
    if process is None:
        return 0.0
    return sum(scheduled_s(one.pid) for one in tree(process))


def scheduled_s(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def quantile(values: Sequence[float], at: float) -> float:
    """Milliseconds; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * at))] * 1000 if ordered else 0.0


def summary(rounds: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Median of each figure of each target over the rounds."""
    return {
        name: {
            figure: round(statistics.median(one[name][figure] for one in rounds), 4)
            for figure in rounds[0][name]
        }
        for name in rounds[0]
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """The summary as Markdown."""
    figures = list(dict.fromkeys(figure for one in found.values() for figure in one))
    lines = [f"| | {' | '.join(figures)} |", "|---" * (len(figures) + 1) + "|"]
    lines += [
        f"| {name} | "
        + " | ".join(f"{one.get(figure, ''):g}" if figure in one else "" for figure in figures)
        + " |"
        for name, one in found.items()
    ]
    return "\n".join(lines)


def machine() -> dict[str, str]:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown",
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model,
        "processors": str(psutil.cpu_count()),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


if __name__ == "__main__":
    sys.exit(main())
