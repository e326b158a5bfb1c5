"""The figures of one target in one round."""

from statistics import median

import uvloop

from tests.bench.load import LONG, SHORT, Seen, drive
from tests.bench.processes import TARGET_CPU, Child, cpu_s, engine, rss_mb
from tests.bench.targets import Target, running

STREAM_TOKENS = 100
ANSWER_TOKENS = 600
STARTED_IN_S = 1.0  # all clients of a run, and none asks again

Figures = dict[str, float]


def measure(target: Target, seconds: float, *, with_answers: bool = True) -> Figures:
    """Every figure of one target, once; an answer of 600 tokens takes twelve seconds."""
    with engine(chunk_ms=20), running(target, cpu=TARGET_CPU) as process:
        load(target, clients=16, seconds=1, stream=False)
        figures = whole(target, process, seconds) | streamed(target, process, 64, seconds)
        if process is not None:
            figures |= short(target, process, seconds)
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
        load(target, clients=16, seconds=0.7, stream=False)
        return whole(target, process, seconds) | streamed(target, process, 256, seconds)


def load(
    target: Target,
    *,
    clients: int,
    seconds: float,
    stream: bool,
    tokens: int = STREAM_TOKENS,
    characters: int = LONG,
) -> Seen:
    """Ask the target for so long; AssertionError where a request fails."""
    run = drive(
        target.port,
        clients=clients,
        seconds=seconds,
        stream=stream,
        tokens=tokens,
        key=target.key,
        characters=characters,
    )
    seen = uvloop.run(run)
    assert not seen.errors, f"{target.name}: {seen.errors} requests failed"
    return seen


def answer(target: Target, process: Child | None, us_request: float) -> Figures:
    """CPU of a streamed answer of 600 tokens, of many at once, and of a chunk: what a request
    leaves of it. Each client asks once."""
    before = cpu_s(process)
    clients = target.long_streams
    seen = load(target, clients=clients, seconds=STARTED_IN_S, stream=True, tokens=ANSWER_TOKENS)
    us_answer = (cpu_s(process) - before) * 1e6 / len(seen.latencies)
    return {"us_answer": us_answer, "us_chunk": (us_answer - us_request) / ANSWER_TOKENS}


def whole(target: Target, process: Child | None, seconds: float, characters: int = LONG) -> Figures:
    """Saturated with 64 clients: requests a second, CPU a request."""
    before = cpu_s(process)
    seen = load(target, clients=64, seconds=seconds, stream=False, characters=characters)
    count = len(seen.latencies)
    return {"req_s": count / seconds, "us_request": (cpu_s(process) - before) * 1e6 / count}


def short(target: Target, process: Child, seconds: float) -> Figures:
    """CPU of a request with a short prompt."""
    return {"us_short_request": whole(target, process, seconds, SHORT)["us_request"]}


def streamed(target: Target, process: Child | None, streams: int, seconds: float) -> Figures:
    """Streams of a chunk every 20 ms: CPU a chunk, TTFT."""
    before = cpu_s(process)
    seen = load(target, clients=streams, seconds=seconds, stream=True)
    return {
        f"us_chunk_{streams}": (cpu_s(process) - before) * 1e6 / seen.chunks,
        f"ttft_p50_ms_{streams}": median(seen.ttft) * 1000,
    }
