"""Trials made once per run, not timed in rounds: callers who leave, stall or come back late."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import uvloop

from tests.bench.load import drive, request
from tests.bench.processes import TARGET_CPU, Child, cpu_s, engine, rss_mb
from tests.bench.targets import ENGINE_PORT, Target, running

PATIENCE_S = 3.0
STALE_S = 0.5
COMEBACKS_S = (0.49, 0.494, 0.498, 0.5, 0.502, 0.506)
CHUNK_MS = 10

Figures = dict[str, float]


def disconnects(target: Target, cpu: int) -> Figures:
    """Worst of three, in ms, until the engine is free after a caller left; -1: not in 3 s."""
    figures: Figures = {}
    kinds = {
        "mid_stream": (20, True),
        "before_first_byte": (60_000, True),
        "whole": (60_000, False),
    }
    for kind, (wait_ms, stream) in kinds.items():
        options = {"chunk_ms": 20} if kind == "mid_stream" else {"hold_ms": wait_ms}
        with engine(**options), running(target, cpu=cpu, ask=kind == "mid_stream"):
            times = [uvloop.run(leave(target, stream=stream)) for _ in range(3)]
        figures[f"freed_{kind}_ms"] = -1 if -1 in times else max(times)
    return figures


async def leave(target: Target, *, stream: bool) -> float:
    """Ask, stay a moment, hang up, and see how long the engine works on."""
    _, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(request(target.port, stream=stream, tokens=900, key=target.key))
    while await engine_is(0):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    writer.transport.abort()
    left = time.perf_counter()
    while time.perf_counter() - left < PATIENCE_S:
        if await engine_is(0):
            return (time.perf_counter() - left) * 1000
        await asyncio.sleep(0.002)
    return -1


async def engine_is(running_: int) -> bool:
    """Return whether the engine works on so many requests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", ENGINE_PORT)
    writer.write(b"GET /_running HTTP/1.1\r\nhost: x\r\n\r\n")
    answer = await reader.read(1000)
    writer.close()
    return answer.endswith(b"\r\n\r\n%d" % running_)


def stale(target: Target, cpu: int) -> Figures:
    """672 requests of callers who come back as the engine closes its idle sockets."""
    with engine(idle_s=STALE_S), running(target, cpu=cpu):
        return {"stale_errors": uvloop.run(come_back(target, callers=48, times=14))}


async def come_back(target: Target, *, callers: int, times: int) -> float:
    async def one(number: int) -> int:
        failed = 0
        for _ in range(times):
            failed += not await once(target)
            await asyncio.sleep(COMEBACKS_S[number % len(COMEBACKS_S)])
        return failed

    return sum(await asyncio.gather(*(one(number) for number in range(callers))))


async def once(target: Target) -> bool:
    """Return whether one request over a connection of its own is answered with 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    message = request(target.port, stream=False, tokens=5, key=target.key)
    writer.write(message.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
    status = await reader.readline()
    await reader.read()
    writer.close()
    return b" 200 " in status


def unread(target: Target, cpu: int) -> Figures:
    """Memory, in MB over what it was, of 10 callers who never read a stream of 10 MB each."""
    with engine(flood_bytes=10_000_000), running(target, cpu=cpu, ask=False) as process:
        assert process is not None
        uvloop.run(asyncio.wait_for(drive_a_little(target), 30))
        before = rss_mb(process)
        peak = uvloop.run(stall(target, process))
        time.sleep(2)
        return {"unread_mb": peak - before, "unread_after_mb": rss_mb(process) - before}


async def drive_a_little(target: Target) -> None:
    for _ in range(20):
        await once(target)


async def stall(target: Target, process: Child) -> float:
    writers = []
    for _ in range(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined] # of a socket
        writer.write(request(target.port, stream=True, tokens=1000, key=target.key))
        writers.append((reader, writer))
    peak = 0.0
    for _ in range(50):
        await asyncio.sleep(0.1)
        peak = max(peak, rss_mb(process))
    for _, writer in writers:
        writer.transport.abort()
    return peak


def memory(target: Target, cpu: int, streams: int = 400) -> Figures:
    """KB an open stream takes."""
    with engine(chunk_ms=400), running(target, cpu=cpu) as process:
        assert process is not None
        uvloop.run(drive_a_little(target))
        before = rss_mb(process)
        held = uvloop.run(hold(target, process, streams))
        return {"kb_per_stream": (held - before) * 1024 / streams}


async def hold(target: Target, process: Child, streams: int) -> float:
    """Memory while so many streams are open."""
    drain = []
    for _ in range(streams):
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(request(target.port, stream=True, tokens=900, key=target.key))
        drain.append(asyncio.create_task(read_on(reader)))
        await asyncio.sleep(0.002)
    await asyncio.sleep(1)
    resident = rss_mb(process)
    for task in drain:
        task.cancel()
    await asyncio.gather(*drain, return_exceptions=True)
    return resident


async def read_on(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


def growth(target: Target, cpu: int) -> Figures:
    """CPU a request after 10,000 requests, over that of the first 1,000."""
    with engine(), running(target, cpu=cpu) as process:
        uvloop.run(drive(target.port, clients=16, seconds=0.2, stream=False, key=target.key))
        first = counted(target, process, 1_000)
        counted(target, process, 10_000)
        return {"growth": counted(target, process, 3_000) / first}


def counted(target: Target, process: Child | None, least: int) -> float:
    """CPU seconds a request, over so many of them or a few more."""
    before, seen = cpu_s(process), 0
    while seen < least:
        run = drive(target.port, clients=16, seconds=0.25, stream=False, key=target.key)
        seen += len(uvloop.run(run).latencies)
    return (cpu_s(process) - before) / seen


def lasting(target: Target, cpu: int) -> Figures:
    """Memory after 100,000 requests and a million chunks over that after a hundredth of them."""
    with engine(chunk_ms=CHUNK_MS), running(target, cpu=cpu) as process:
        assert process is not None
        counted(target, process, 10_000)
        count_chunks(target, 10_000)
        first = rss_mb(process)
        counted(target, process, 100_000)
        count_chunks(target, 1_000_000)
        return {"lasting": rss_mb(process) / first}


def count_chunks(target: Target, least: int) -> None:
    """So many chunks or a few more."""
    seen = 0
    while seen < least:
        run = drive(target.port, clients=256, seconds=4, stream=True, tokens=200, key=target.key)
        seen += uvloop.run(run).chunks


def workers(one: Target, two: Target) -> Figures:
    """The rate of two workers on two processors over that of one on its own, by CPU.

    Engine and load need a processor themselves, so that the rate here would tell of them. What a
    request costs all processes of a gateway, supervisor included, tells how many two processors
    could serve.
    """
    costs = []
    for target in (one, two):
        with engine(), running(target, cpu=TARGET_CPU) as process:
            assert process is not None
            counted(target, process, 1_000)
            costs.append(statistics.median(counted(target, process, 2_000) for _ in range(5)))
    return {"workers_2_by_cpu": 2 * costs[0] / costs[1]}


def starts(target: Target, cpu: int) -> Figures:
    """Seconds until /healthz answers, and those that `import mmhie` takes; medians of five."""
    with engine():
        healthz = statistics.median(healthz_s(target, cpu) for _ in range(5))
    return {"healthz_s": healthz, "import_mmhie_s": statistics.median(map(import_s, range(5)))}


def healthz_s(target: Target, cpu: int) -> float:
    start = time.perf_counter()
    with running(target, cpu=cpu, ask=False, path="/healthz"):
        return time.perf_counter() - start


def import_s(_: int) -> float:
    code = "import time; t=time.perf_counter(); import mmhie; print(time.perf_counter()-t)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(shown.stdout)


QUICK: tuple[Callable[[Target, int], Figures], ...] = (
    disconnects,
    stale,
    unread,
    memory,
    growth,
    starts,
)
