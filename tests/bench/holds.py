"""`python -m tests.bench.holds [INPUT...]`: how long each input keeps everybody else waiting.

A prober asks for /healthz all the time, over one connection. What it waits longer than while
nothing else is sent is a hold, whoever has the interpreter: the event loop, or a thread that does
not let go of it. The gateway has a processor for itself; prober, caller and engine share the other.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from scripts.render import page
from tests.bench.inputs import INPUTS
from tests.bench.processes import LOAD_CPU, TARGET_CPU
from tests.bench.rounds import quantile
from tests.bench.targets import production_settings
from tests.contract.process import Gateway, Process
from tests.faults import heavy
from tests.gateway.peer import Line

ROUNDS: Final = 5
QUIET_S: Final = 1.0
AFTER_S: Final = 0.03  # in which what an answer has taken is freed
PAUSE_S: Final = 0.0003
MORE: Final = {"MMHIE_MAX_MEMORY": "2GiB"}  # or an input would be refused for those before it
HEALTHZ: Final = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
SO_TIMESTAMPNS: Final = 35  # of Linux; Python has no name for it


class Wait(NamedTuple):
    """One look at /healthz: how long it took, and the gateway's processor time meanwhile."""

    ms: float
    cpu_ms: float


class Hold(NamedTuple):
    """The longest wait beside an input, the slowest hundredth, both over the quiet one, and the
    longest by the gateway's processor time, to which a busy machine adds nothing."""

    longest_ms: float
    p99_ms: float
    cpu_ms: float


class Harness:
    """A gateway, and the process that sends it inputs."""

    def __init__(self, gateway: Gateway, load: Connection) -> None:
        self._load = load
        self._pid, self._port = gateway.child.pid, gateway.port
        self._clock = (~self._pid << 3) | 2  # its processor time: clock_getcpuclockid(3)
        self.quiet = self._probe(lasting(QUIET_S))

    def hold(self, name: str) -> Hold:
        """Send an input; AssertionError where it comes to nothing."""
        self._load.send(name)
        self._load.recv()  # it is made
        waits = self._probe(self._load.poll)
        status, expected = self._load.recv()
        assert status == expected, f"{name}: {status}"
        return over(waits, self.quiet)

    def pin(self, cpu: int) -> None:
        """Give the gateway a processor."""
        for thread in Path(f"/proc/{self._pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cpu})

    def _probe(self, is_over: Callable[[], bool]) -> list[Wait]:
        waits: list[Wait] = []
        with socket.create_connection(("127.0.0.1", self._port)) as line:
            line.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            while not (waits and is_over()):
                began, spent = time.time(), time.clock_gettime(self._clock)
                line.sendall(HEALTHZ)
                ms = (arrival_s(line) - began) * 1000
                cpu_ms = (time.clock_gettime(self._clock) - spent) * 1000
                waits.append(Wait(ms, min(ms, cpu_ms)))
                time.sleep(PAUSE_S)
        return waits


def arrival_s(line: socket.socket) -> float:
    """Read an answer; return when the kernel had its end, however late this process looks."""
    data = b""
    while not data.endswith(b"}"):
        part, ancillary, _, _ = line.recvmsg(65536, 64)
        assert part, "the gateway has closed the connection"
        data += part
    if not ancillary:  # the kernel begins to keep them a moment late
        return time.time()
    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
    return float(seconds + nanoseconds / 1e9)


def lasting(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def over(waits: Sequence[Wait], quiet: Sequence[Wait]) -> Hold:
    """Compare waits with the median of quiet ones."""
    (took, used), (quiet_took, quiet_used) = zip(*waits, strict=True), zip(*quiet, strict=True)
    usual = statistics.median(quiet_took)
    p99 = quantile(took, 0.99) / 1000
    return Hold(max(took) - usual, p99 - usual, max(used) - statistics.median(quiet_used))


class OwnGateway(Gateway):
    """A gateway started by its command line, as in production; others are forks, whose processor
    time is not the benchmark's own."""

    def begin(self, environ: Mapping[str, str], folder: Path) -> Process:
        return self.executed([sys.executable, "-m", "gateway"], environ, folder)


@contextlib.contextmanager
def harness(folder: Path, start: Callable[..., Gateway] = OwnGateway) -> Iterator[Harness]:
    """A gateway with all features on, between an engine and a caller in another process."""
    ours_end, theirs = multiprocessing.Pipe()
    load = multiprocessing.get_context("spawn").Process(target=play, args=(theirs,), daemon=True)
    load.start()
    environ = {**production_settings(folder), "MMHIE_ENGINE_URL": ours_end.recv(), **MORE}
    del environ["MMHIE_PORT"]
    try:
        with start(folder, environ.pop("MMHIE_ENGINE_URL"), **environ).wait() as gateway:
            ours_end.send(gateway.port)
            yield Harness(gateway, ours_end)
    finally:
        load.terminate()
        load.join()


def play(pipe: Connection) -> None:
    """Be the engine, and send each input that is named; a prober comes before this process."""
    os.nice(10)
    asyncio.run(send_inputs(pipe))


async def send_inputs(pipe: Connection) -> None:
    answer = b""

    async def generate(line: Line) -> None:
        line.say(answer)
        await line.writer.drain()

    async with heavy.engine(generate) as engine:
        pipe.send(engine.url)
        port = await asyncio.to_thread(pipe.recv)
        while True:
            sent, answer, expected = INPUTS[await asyncio.to_thread(pipe.recv)]()
            pipe.send(None)
            response = await heavy.exchange(port, sent)
            await asyncio.sleep(AFTER_S)
            engine.requests.clear()
            pipe.send((int(response[9:12] or 0), expected))


def measure(names: Sequence[str], rounds: int) -> list[tuple[str, Hold]]:
    """Return the medians of each input, the longest hold first."""
    psutil.Process().cpu_affinity([LOAD_CPU])
    with tempfile.TemporaryDirectory() as folder, harness(Path(folder)) as bench:
        bench.pin(TARGET_CPU)
        seen = {name: [bench.hold(name) for _ in range(rounds)] for name in names}
    holds = [
        (name, Hold(*map(statistics.median, zip(*each, strict=True))))
        for name, each in seen.items()
    ]
    return sorted(holds, key=lambda row: -row[1].longest_ms)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs", nargs="*", default=[*INPUTS])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    holds = measure(options.inputs, options.rounds)
    rows = [(name, f"{hold.longest_ms:.1f} ms", f"{hold.p99_ms:.1f} ms") for name, hold in holds]
    print(page.table(("input", "longest hold", "slowest hundredth"), rows))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
