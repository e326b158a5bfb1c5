"""The CPU of one target in one round."""

import uvloop

from tests.bench.load import Seen, drive
from tests.bench.processes import TARGET_CPU, Child, cpu_s, engine
from tests.bench.targets import PORT, Target, running

CLIENTS, STREAMS = 64, 256


def measure_cpu(target: Target, seconds: float) -> dict[str, float]:
    """Return microseconds of CPU: of a request, and of a chunk of many streams."""
    with engine(chunk_ms=20), running(target, cpu=TARGET_CPU) as process:
        load(target, clients=16, seconds=0.7, stream=False)
        return {
            "us_request": request_us(target, process, seconds),
            "us_chunk_256": chunk_us(target, process, seconds),
        }


def load(target: Target, *, clients: int, seconds: float, stream: bool) -> Seen:
    """Ask the target for so long; AssertionError where a request fails."""
    run = drive(PORT, clients=clients, seconds=seconds, stream=stream, key=target.key)
    seen = uvloop.run(run)
    assert not seen.errors, f"{target.name}: {seen.errors} requests failed"
    return seen


def request_us(target: Target, process: Child, seconds: float) -> float:
    """Saturated by clients that wait for whole answers."""
    before = cpu_s(process)
    seen = load(target, clients=CLIENTS, seconds=seconds, stream=False)
    return (cpu_s(process) - before) * 1e6 / seen.requests


def chunk_us(target: Target, process: Child, seconds: float) -> float:
    """Streams of a chunk every 20 ms."""
    before = cpu_s(process)
    seen = load(target, clients=STREAMS, seconds=seconds, stream=True)
    return (cpu_s(process) - before) * 1e6 / seen.chunks
