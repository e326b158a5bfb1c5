"""The figures of one target in one round."""

from collections.abc import Sequence

import uvloop

from tests.bench.load import drive
from tests.bench.processes import TARGET_CPU, Child, cpu_s, engine, rss_mb
from tests.bench.targets import Target, running

STREAM_TOKENS = 100
ANSWER_TOKENS = 600
HOLD_MS = 150
STARTED_IN_S = 1.0  # all clients of a run, and none asks again

Figures = dict[str, float]


def measure(target: Target, seconds: float, *, with_answers: bool = True) -> Figures:
    """Every figure of one target, once; an answer of 600 tokens takes twelve seconds."""
    held_engine = engine(chunk_ms=20, hold_ms=HOLD_MS, hold_from=ANSWER_TOKENS)
    with held_engine, running(target, cpu=TARGET_CPU) as process:
        uvloop.run(drive(target.port, clients=16, seconds=1, stream=False, key=target.key))
        figures = whole(target, process, seconds) | lone(target, seconds / 2)
        figures |= streamed(target, process, 64, seconds) | held(target, seconds / 2)
        if process is not None:
            figures |= (
                answer(target, process, figures["us_request"])
                if with_answers
                else streamed(target, process, 256, seconds)
            )
            figures["rss_mb"] = rss_mb(process)
    return {name: round(value, 4) for name, value in figures.items()}


def measure_cpu(target: Target, seconds: float) -> Figures:
    """Return CPU alone: of a request, and of a chunk of 256 streams."""
    with engine(chunk_ms=20), running(target, cpu=TARGET_CPU) as process:
        uvloop.run(drive(target.port, clients=16, seconds=0.7, stream=False, key=target.key))
        return whole(target, process, seconds) | streamed(target, process, 256, seconds)


def answer(target: Target, process: Child | None, us_request: float) -> Figures:
    """CPU of a streamed answer of 600 tokens, of many at once, and of a chunk: what a request
    leaves of it. Each client asks once."""
    before = cpu_s(process)
    run = drive(
        target.port,
        clients=target.long_streams,
        seconds=STARTED_IN_S,
        stream=True,
        tokens=ANSWER_TOKENS,
        key=target.key,
    )
    seen = uvloop.run(run)
    assert not seen.errors, f"{target.name}: {seen.errors} streams failed"
    us_answer = (cpu_s(process) - before) * 1e6 / len(seen.latencies)
    us_chunk = (us_answer - us_request) / ANSWER_TOKENS
    return {"us_answer": us_answer, "us_chunk": us_chunk, "misplaced": seen.misplaced}


def whole(target: Target, process: Child | None, seconds: float) -> Figures:
    """Saturated with 64 clients: requests a second, CPU a request."""
    before = cpu_s(process)
    seen = uvloop.run(drive(target.port, clients=64, seconds=seconds, stream=False, key=target.key))
    count = len(seen.latencies)
    return {
        "req_s": count / seconds,
        "us_request": (cpu_s(process) - before) * 1e6 / max(1, count),
        "errors": seen.errors,
    }


def lone(target: Target, seconds: float) -> Figures:
    """One client: latency."""
    seen = uvloop.run(drive(target.port, clients=1, seconds=seconds, stream=False, key=target.key))
    return {"c1_p50_ms": quantile(seen.latencies, 0.5), "c1_p99_ms": quantile(seen.latencies, 0.99)}


def held(target: Target, seconds: float) -> Figures:
    """64 in flight while the engine holds each of them: latency over what it holds."""
    run = drive(
        target.port,
        clients=64,
        seconds=seconds,
        stream=False,
        tokens=ANSWER_TOKENS,
        key=target.key,
    )
    seen = uvloop.run(run)
    return {
        "held_p50_ms": quantile(seen.latencies, 0.5) - HOLD_MS,
        "held_p99_ms": quantile(seen.latencies, 0.99) - HOLD_MS,
    }


def streamed(target: Target, process: Child | None, streams: int, seconds: float) -> Figures:
    """Streams of a chunk every 20 ms: CPU a chunk, TTFT, time between chunks, what went amiss."""
    before = cpu_s(process)
    run = drive(
        target.port,
        clients=streams,
        seconds=seconds,
        stream=True,
        tokens=STREAM_TOKENS,
        key=target.key,
    )
    seen = uvloop.run(run)
    cpu = (cpu_s(process) - before) * 1e6 / max(1, seen.chunks)
    figures = {
        "us_chunk": cpu,
        "ttft_p50_ms": quantile(seen.ttft, 0.5),
        "ttft_p99_ms": quantile(seen.ttft, 0.99),
        "gap_p99_ms": quantile(seen.gaps, 0.99),
        "stream_errors": seen.errors,
        "misplaced": seen.misplaced,
        "joined": seen.joined,
    }
    return {f"{name}_{streams}": value for name, value in figures.items()}


def quantile(values: Sequence[float], at: float) -> float:
    """Milliseconds; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * at))] * 1000 if ordered else 0.0
