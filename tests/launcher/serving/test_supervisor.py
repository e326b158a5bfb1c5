"""Supervision of both programs, with a real fake engine and a shell for a gateway.

The supervisor's clock moves only when a test moves it: a busy machine is no reason for a stall.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from launcher.errors import (
    DeviceFailed,
    EngineOutOfMemory,
    ExitedEarly,
    LauncherError,
    NeverReady,
    ProgramFailed,
)
from launcher.process.child import Command
from launcher.serving.engine_supervisor import (
    EngineProgram,
    EngineSupervisor,
    RestartPolicy,
)
from launcher.serving.service_supervisor import Program
from launcher.serving.stall_watchdog import Activity, activity
from launcher.serving.status_file import Phase
from launcher.serving.supervisor import Programs, Supervisor
from tests.gateway.clock import Clock

ROOT = Path(__file__).parents[3]
OUTPUT = Path(__file__).with_name("engine_output")
ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
GATEWAY = "echo up; exec sleep 300"
DEAF = "trap '' TERM; echo up; while :; do sleep 0.05; done"
HANG_S = 900
START_S, STALL_S = 20.0, 60.0
ILLEGAL = "CUDA error: an illegal memory access was encountered"
MEMORY = "CUDA out of memory. Tried 2 GiB."
NOTE = "It has less of the GPU."
WRONG_NAME = "MMHIE_PROT is not a setting; the nearest known name is MMHIE_PORT."
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def shell(script: str) -> Command:
    return Command(("/bin/sh", "-c", script), ENV)


def fake(*options: str) -> Command:
    """A fake engine."""
    return Command((sys.executable, "-m", "tests.fake_engine", "--model", "m", *options), ENV)


class Run:
    """One supervised run: what was published and heard, and a way to wait for it."""

    def __init__(
        self, engines: Sequence[EngineProgram], programs: Programs, policy: RestartPolicy
    ) -> None:
        self.phases: list[Phase] = []
        self.lines: list[str] = []
        self.address = engines[0].address
        self.clock = Clock()

        async def prepare() -> Sequence[EngineProgram]:
            return engines

        publish = self.phases.append
        self.supervisor = Supervisor(programs, prepare, policy, publish, self.clock)
        self.task = asyncio.create_task(self.supervisor.run())

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for something to be true while it runs."""
        async with asyncio.timeout(HANG_S):
            while not true():
                assert not self.task.done(), (self.task, self.names)
                await asyncio.sleep(0.01)

    async def ready(self, times: int = 1) -> None:
        """Wait until it has been ready so many times."""
        await self.until(lambda: self.names.count("ready") >= times)

    async def stop(self, grace_s: float = 10 * HANG_S) -> None:
        """Ask for a stop and wait for it; one that waits for the whole grace hangs."""
        self.supervisor.stop(grace_s)
        async with asyncio.timeout(HANG_S):
            await self.task

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A client of the engine."""
        transport = httpx2.AsyncHTTPTransport(uds=str(self.address))
        url = "http://engine"
        async with httpx2.AsyncClient(transport=transport, base_url=url, timeout=HANG_S) as client:
            yield client

    async def ask(self) -> None:
        """One request to the engine, whatever becomes of it."""
        with suppress(httpx2.HTTPError):
            async with self.client() as client:
                await client.post("/v1/chat/completions", json=ASK)

    async def until_engine(self, true: Callable[[Activity], bool]) -> None:
        """Wait for something in the engine's own metrics."""
        async with asyncio.timeout(HANG_S), self.client() as client:
            while not true(activity((await client.get("/metrics")).text)):
                await asyncio.sleep(0.01)

    @property
    def names(self) -> list[str]:
        """The phases' names, each once in a row."""
        return [name for name, _ in itertools.groupby(phase.name for phase in self.phases)]

    @property
    def details(self) -> str:
        return " ".join(dict.fromkeys(phase.detail for phase in self.phases))


@asynccontextmanager
async def ending(run: Run) -> AsyncIterator[Run]:
    """The run, which ends with the test."""
    try:
        yield run
    finally:
        run.supervisor.stop(0)
        with suppress(LauncherError):
            await run.task


@asynccontextmanager
async def running(
    folder: Path,
    *options: str,
    engine: Command | None = None,
    gateway: str = GATEWAY,
    restarts: int = 3,
    start_s: float = START_S,
    smaller: Command | None = None,
) -> AsyncIterator[Run]:
    """A run on the fake engine, which ends with the test."""
    lines: list[str] = []
    socket = folder / "e.sock"
    ours = engine or fake("--uds", str(socket), *options)
    first = EngineProgram(ours, socket, lambda line: lines.append(f"engine {line}"))
    if smaller:
        less = replace(
            first, command=smaller, note=NOTE, on_ready=lambda: lines.append("remembered")
        )
        first = replace(first, smaller=less)
    served = Program("gateway", shell(gateway), lambda line: lines.append(f"gateway {line}"))
    policy = RestartPolicy(start_s, STALL_S, restarts)
    async with ending(Run((first,), Programs(served), policy)) as run:
        run.lines = lines
        yield run


async def test_it_gets_ready_and_stops(tmp_path: Path) -> None:
    """Gateway at once, then the engine's phases; on a stop first draining, then nothing. Kernels
    are compiled by a request of its own: the engine's first one is no client's. vLLM does not start
    where a socket file lies."""
    (tmp_path / "e.sock").write_text("")
    async with running(tmp_path, "--start-delay", "0.3") as run:
        await run.ready()
        await run.until_engine(lambda found: found.tokens >= 1)
        await run.stop()

    assert run.names == ["starting", "loading", "ready", "draining"]
    assert "gateway up" in run.lines
    assert "Generating a first token" in run.details


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (
            f"cat {OUTPUT / 'heads_not_divisible.txt'}; exit 1",
            ExitedEarly,
            r"exit code 1\): Total number of attention heads",
        ),
        ("kill -KILL $$", ExitedEarly, r"SIGKILL \(out of memory\?\)\): it did not say why"),
        (f"echo 'RuntimeError: {ILLEGAL}'; exit 1", DeviceFailed, ILLEGAL),
        (f"echo 'torch.OutOfMemoryError: {MEMORY}'; exit 1", EngineOutOfMemory, MEMORY),
    ],
    ids=["its own reason", "without a word", "the device", "memory"],
)
async def test_a_first_start_that_fails(
    script: str, error: type[LauncherError], words: str, tmp_path: Path
) -> None:
    """The first ending of a start: with the cause, at once, and no restart; what a start does not
    mend has an exit code of its own, for what runs the launcher."""
    async with running(tmp_path, engine=shell(script)) as run:
        with pytest.raises(error, match=words) as ended:
            await run.task

    assert ended.value.exit_code == {DeviceFailed: 3, EngineOutOfMemory: 4}.get(error, 2)
    assert run.names == ["starting", "draining"]


@pytest.mark.parametrize("fits", [True, False])
async def test_out_of_memory_is_tried_once_with_a_smaller_share(fits: bool, tmp_path: Path) -> None:
    """It is said, also while it runs; where that is too much, too, the start ends."""
    refuse = shell(f"echo 'torch.OutOfMemoryError: {MEMORY}'; exit 1")
    smaller = fake("--uds", str(tmp_path / "e.sock")) if fits else refuse

    async with running(tmp_path, engine=refuse, smaller=smaller) as run:
        if fits:
            await run.ready()
        else:
            with pytest.raises(EngineOutOfMemory, match=MEMORY):
                await run.task

    assert run.names[:2] == ["starting", "engine_down"]
    assert f"To need less, set MMHIE_REASONER_MODEL to a smaller model. {NOTE}" in run.details
    assert run.lines.count(f"engine {NOTE}") == 1
    assert (f"The model is ready. {NOTE}" in run.details) is fits
    assert ("remembered" in run.lines) is fits


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--unhealthy",), "MMHIE_START_TIMEOUT_SECONDS"),
        (("--first-token-delay", "600"), "Generating a first token"),
    ],
)
async def test_never_ready(options: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    """The second ending: alive, and unhealthy or without a first token when patience is over."""
    async with running(tmp_path, *options, start_s=0.5) as run:
        await run.until(lambda: run.phases)
        await run.until(lambda: "first token" in run.details or "--unhealthy" in options)
        run.clock.now += 1
        with pytest.raises(NeverReady, match=sentence):
            await run.task

    assert "ready" not in run.names


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--start-delay", "60"), ""), (("--first-token-delay", "600"), "first token")],
)
async def test_told_to_stop_while_starting(
    options: tuple[str, str], words: str, tmp_path: Path
) -> None:
    """The third ending is no error, and nothing is ready any more."""
    async with running(tmp_path, *options) as run:
        await run.until(lambda: run.phases and words in run.details)
        await run.stop()

    assert run.names[-1] == "draining"
    assert "ready" not in run.names


async def test_an_engine_that_dies_of_its_first_request(tmp_path: Path) -> None:
    """Its start has failed, and nobody was told that it is ready."""
    async with running(tmp_path, "--crash-after", "1") as run:
        with pytest.raises(ExitedEarly):
            await run.task

    assert "ready" not in run.names


async def test_an_engine_that_is_unwell_after_its_first_request(tmp_path: Path) -> None:
    """As vLLM's server while it ends, its core being gone: it has answered, and is not ready."""
    async with running(tmp_path, "--fault", '{"fault": "gated"}') as run:
        await run.until(lambda: "Generating a first token" in run.details)
        await run.until_engine(lambda seen: seen.running == 1)
        async with run.client() as client:
            await client.post("/_fake/options", json={"unhealthy": True})
            await client.post("/_fake/release", json={"tokens": 1})
        await run.until_engine(lambda seen: seen.running == 0)
        run.clock.now += START_S + 1
        with pytest.raises(NeverReady):
            await run.task

    assert "ready" not in run.names


async def test_a_dead_engine_is_restarted(tmp_path: Path) -> None:
    """It says how it ended and when it will be back."""
    async with running(tmp_path, "--crash-after", "2") as run:
        await run.ready()
        await run.ask()
        await run.ready(times=2)

    assert run.names[1:5] == ["loading", "ready", "engine_down", "starting"]
    assert "The engine ended (exit code 1). Restart 1 of 3 in 1 s." in run.details


async def test_a_stalled_engine_is_restarted(tmp_path: Path) -> None:
    """A request is running and no token comes."""
    async with running(tmp_path) as run:
        await run.ready()
        async with run.client() as client:
            await client.post("/_fake/options", json={"first_token_delay": 600.0})
        request = asyncio.create_task(run.ask())
        await run.until_engine(lambda seen: seen.running == 1)
        reads = counted(run.supervisor._engines[0])
        while "stalled" not in run.names:
            reads.clear()
            run.clock.now += STALL_S / 4
            await run.until(lambda: reads or "stalled" in run.names)
        await run.ready(times=2)
        await request

    assert run.names[1:5] == ["loading", "ready", "stalled", "starting"]
    assert "has requests but has produced nothing for 60 s." in run.details


async def test_an_idle_engine_is_not_stalled(tmp_path: Path) -> None:
    """Nothing to do is no reason: it generates a token whenever it is asked for one."""
    async with running(tmp_path) as run:
        await run.ready()
        reads = counted(run.supervisor._engines[0])
        for _ in range(10):
            reads.clear()
            run.clock.now += STALL_S / 2
            await run.until(lambda: reads)

        assert run.names == ["starting", "loading", "ready"]
        await run.until_engine(lambda seen: seen.tokens >= 3)


async def test_an_engine_that_stood_still_with_us_is_not_stalled(tmp_path: Path) -> None:
    """As in a container that was paused: what it did not generate then is no silence."""
    async with running(tmp_path) as run:
        await run.ready()
        reads = counted(run.supervisor._engines[0])
        for _ in range(3):
            reads.clear()
            run.clock.now += 3 * STALL_S
            await run.until(lambda: reads)

    assert run.names == ["starting", "loading", "ready", "draining"]


def counted(supervisor: EngineSupervisor) -> list[None]:
    """Every reading of the engine's metrics, as it is done."""
    reads: list[None] = []
    metrics = supervisor._client.metrics

    async def counting() -> str | None:
        counted = await metrics()
        reads.append(None)
        return counted

    supervisor._client.metrics = counting  # type: ignore[method-assign]
    return reads


async def test_a_dead_gateway_is_restarted(tmp_path: Path) -> None:
    """The engine goes on meanwhile."""
    dying = f"if [ -e {tmp_path}/was ]; then {GATEWAY}; fi; touch {tmp_path}/was; echo x; exit 1"
    async with running(tmp_path, gateway=dying) as run:
        await run.until(lambda: "gateway up" in run.lines)
        await run.ready()

    assert run.lines.count("gateway x") == 1


@pytest.mark.parametrize(
    ("script", "restarts", "sentence"),
    [
        (f"echo '{WRONG_NAME}'; exit 2", 3, WRONG_NAME),
        ("echo oops; exit 1", 0, r"does not stay up \(exit code 1\): oops"),
    ],
    ids=["a wrong setting", "too many endings"],
)
async def test_a_gateway_that_ends_it(
    script: str, restarts: int, sentence: str, tmp_path: Path
) -> None:
    """Its last line is the error; restarting would not help with a wrong setting."""
    async with running(tmp_path, gateway=script, restarts=restarts) as run:
        with pytest.raises(ProgramFailed, match=sentence):
            await run.task


async def test_asked_twice_it_hurries(tmp_path: Path) -> None:
    """A second Ctrl-C waits for nobody."""
    async with running(tmp_path, engine=shell(DEAF), gateway=DEAF) as run:
        await run.until(lambda: {"gateway up", "engine up"} <= set(run.lines))
        run.supervisor.stop(10 * HANG_S)
        await run.stop()
