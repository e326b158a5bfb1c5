"""The loop that keeps both programs up, with a real fake engine and a shell for a gateway."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from launcher.errors import (
    ExitedEarly,
    GatewayFailed,
    GaveUp,
    LauncherError,
    ModelError,
    NeverReady,
    ToldToStop,
)
from launcher.process.child import Command
from launcher.serving.engine_supervisor import Engine, Limits
from launcher.serving.service_supervisor import Program
from launcher.serving.status_file import Phase
from launcher.serving.supervisor import Making, Programs, Supervisor

ROOT = Path(__file__).parents[3]
OUTPUT = Path(__file__).with_name("engine_output")
ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
GATEWAY = "echo up; exec sleep 300"
DEAF = "trap '' TERM; echo up; while :; do sleep 0.05; done"
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def shell(script: str) -> Command:
    return Command(("/bin/sh", "-c", script), ENV)


class Run:
    """One supervised run: what was published and heard, and a way to wait for it."""

    def __init__(
        self,
        engine: Command,
        gateway: Command,
        socket: Path,
        limits: Limits,
        making: Making | None = None,
    ) -> None:
        self.phases: list[Phase] = []
        self.lines: list[str] = []
        self.socket = socket
        programs = Programs(
            engines=(Engine(engine, socket, self.hear("engine")),),
            gateway=Program("gateway", gateway, self.hear("gateway"), GatewayFailed),
        )
        self.supervisor = Supervisor(programs, limits, self.phases.append, making)
        self.task = asyncio.create_task(self.supervisor.run())

    def hear(self, who: str) -> Callable[[str], None]:
        """Keep the lines, with who wrote them."""
        return lambda line: self.lines.append(f"{who} {line}")

    async def until(self, true: Callable[[], object], seconds: float = 10) -> None:
        """Wait for something to be true while it runs."""
        deadline = time.monotonic() + seconds
        while not true():
            assert not self.task.done(), (self.task, self.names)
            assert time.monotonic() < deadline, (self.names, self.lines)
            await asyncio.sleep(0.01)

    async def ready(self, times: int = 1) -> None:
        """Wait until it has been ready so many times."""
        await self.until(lambda: self.names.count("ready") >= times)

    async def stop(self, grace_s: float = 5) -> float:
        """Ask for a stop and wait for it; the seconds that took."""
        began = time.monotonic()
        self.supervisor.stop(grace_s)
        await self.task
        return time.monotonic() - began

    async def ask(self) -> None:
        """One request to the engine, whatever becomes of it."""
        transport = httpx2.AsyncHTTPTransport(uds=str(self.socket))
        with suppress(httpx2.HTTPError):
            async with httpx2.AsyncClient(transport=transport) as client:
                await client.post("http://engine/v1/chat/completions", json=ASK)

    @property
    def names(self) -> list[str]:
        """The phases' names, each once in a row."""
        return [name for name, _ in itertools.groupby(phase.name for phase in self.phases)]

    @property
    def details(self) -> str:
        return " ".join(dict.fromkeys(phase.detail for phase in self.phases))


@asynccontextmanager
async def running(
    folder: Path,
    *options: str,
    engine: Command | None = None,
    gateway: str = GATEWAY,
    limits: Limits | None = None,
    making: Making | None = None,
) -> AsyncIterator[Run]:
    """A run on the fake engine, which ends with the test."""
    socket = folder / "e.sock"
    argv = (
        sys.executable,
        "-m",
        "tests.fake_engine",
        "--uds",
        str(socket),
        "--model",
        "m",
        *options,
    )
    run = Run(
        engine or Command(argv, ENV),
        shell(gateway),
        socket,
        limits or Limits(start_s=20, stall_s=60, restarts=3),
        making,
    )
    try:
        yield run
    finally:
        run.supervisor.stop(0)
        with suppress(LauncherError):
            await run.task


async def test_it_gets_ready_and_stops(tmp_path: Path) -> None:
    """Gateway at once, then the engine's phases; on a stop first draining, then nothing."""
    async with running(tmp_path, "--start-delay", "0.3") as run:
        await run.ready()
        took = await run.stop()

    assert run.names == ["starting", "ready", "draining"]
    assert run.lines[0] == "gateway up"
    assert took < 2


async def test_what_has_to_be_made_first_is_made_behind_the_gateway(tmp_path: Path) -> None:
    """The gateway is up meanwhile; then the engine is started as the maker says."""
    socket, may_end = tmp_path / "e.sock", asyncio.Event()
    argv = (sys.executable, "-m", "tests.fake_engine", "--uds", str(socket))

    async def make() -> tuple[Engine, ...]:
        await may_end.wait()
        return (Engine(Command(argv, ENV), socket, lambda line: None),)

    async with running(tmp_path, engine=shell("exit 1"), making=make) as run:
        await run.until(lambda: "gateway up" in run.lines)
        assert run.names == []
        may_end.set()
        await run.ready()


async def test_what_cannot_be_made_ends_it(tmp_path: Path) -> None:
    """With the maker's own words, and without the gateway."""

    async def make() -> tuple[Engine, ...]:
        raise ModelError("The file is broken.")

    async with running(tmp_path, making=make) as run:
        with pytest.raises(ModelError, match="broken"):
            await run.task


async def test_a_stop_while_something_is_made(tmp_path: Path) -> None:
    """The maker is cancelled."""
    cancelled = asyncio.Event()

    async def make() -> tuple[Engine, ...]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with running(tmp_path, making=make) as run:
        await run.until(lambda: "gateway up" in run.lines)
        with pytest.raises(ToldToStop, match="before the model was ready"):
            await run.stop()

    assert cancelled.is_set()


async def test_a_stale_socket_is_in_nobodys_way(tmp_path: Path) -> None:
    """vLLM does not start where a socket file lies."""
    (tmp_path / "e.sock").write_text("")
    async with running(tmp_path) as run:
        await run.ready()


async def test_exited_early(tmp_path: Path) -> None:
    """The first ending of a start: the engine's own reason, at once, and no restart."""
    recorded = OUTPUT / "heads_not_divisible.txt"
    async with running(tmp_path, engine=shell(f"cat {recorded}; exit 1")) as run:
        with pytest.raises(ExitedEarly, match=r"exit code 1\): Total number of attention heads"):
            await run.task

    assert run.names == ["starting", "draining"]


async def test_exited_early_without_a_word(tmp_path: Path) -> None:
    """Killed from outside, it could say nothing."""
    async with running(tmp_path, engine=shell("kill -KILL $$")) as run:
        with pytest.raises(ExitedEarly, match=r"SIGKILL \(out of memory\?\)\) and did not say why"):
            await run.task


async def test_never_ready(tmp_path: Path) -> None:
    """The second ending: alive, unhealthy, and patience is over."""
    limits = Limits(start_s=0.8, stall_s=60, restarts=3)
    async with running(tmp_path, "--unhealthy", limits=limits) as run:
        with pytest.raises(NeverReady, match="MMHIE_START_TIMEOUT_SECONDS"):
            await run.task


async def test_told_to_stop_while_starting(tmp_path: Path) -> None:
    """The third ending is no error."""
    async with running(tmp_path, "--start-delay", "60") as run:
        await run.until(lambda: run.phases)

        assert await run.stop() < 2


async def test_a_dead_engine_is_restarted(tmp_path: Path) -> None:
    """It says how it ended and when it will be back."""
    async with running(tmp_path, "--crash-after", "1") as run:
        await run.ready()
        await run.ask()
        await run.ready(times=2)

    assert run.names[:4] == ["starting", "ready", "engine_down", "starting"]
    assert "The engine ended (exit code 1). Restart 1 of 3 in 1 s." in run.details


async def test_a_restart_that_fails_is_tried_again(tmp_path: Path) -> None:
    """Once it has been ready, an early exit is one more failure, not the end."""
    once = tmp_path / "once"
    fake = f"{sys.executable} -m tests.fake_engine --crash-after 1 --uds {tmp_path}/e.sock"
    script = f"if [ -e {once} ]; then rm {once}; echo 'ValueError: no'; exit 1; fi; exec {fake}"
    async with running(tmp_path, engine=shell(script)) as run:
        await run.ready()
        once.touch()
        await run.ask()
        await run.ready(times=2)

    assert "ended before it was ready (exit code 1): no Restart 2 of 3 in 2 s." in run.details


async def test_it_gives_up(tmp_path: Path) -> None:
    """After the last restart allowed."""
    limits = Limits(start_s=20, stall_s=60, restarts=0)
    async with running(tmp_path, "--crash-after", "1", limits=limits) as run:
        await run.ready()
        await run.ask()
        with pytest.raises(GaveUp, match="It was restarted 0 times"):
            await run.task


async def test_a_stalled_engine_is_restarted(tmp_path: Path) -> None:
    """A request is running and no token comes."""
    limits = Limits(start_s=20, stall_s=0.8, restarts=3)
    async with running(tmp_path, "--first-token-delay", "60", limits=limits) as run:
        await run.ready()
        request = asyncio.create_task(run.ask())
        await run.ready(times=2)
        await request

    assert run.names[:4] == ["starting", "ready", "stalled", "starting"]
    assert "has requests but has produced nothing for 1 s." in run.details


async def test_an_idle_engine_is_not_stalled(tmp_path: Path) -> None:
    """Nothing to do is no reason."""
    limits = Limits(start_s=20, stall_s=0.4, restarts=3)
    async with running(tmp_path, limits=limits) as run:
        await run.ready()
        await asyncio.sleep(1.5)

        assert run.names == ["starting", "ready"]


async def test_a_dead_gateway_is_restarted(tmp_path: Path) -> None:
    """The engine goes on meanwhile."""
    dying = f"if [ -e {tmp_path}/was ]; then {GATEWAY}; fi; touch {tmp_path}/was; echo x; exit 1"
    async with running(tmp_path, gateway=dying) as run:
        await run.until(lambda: "gateway up" in run.lines)
        await run.ready()

    assert run.lines.count("gateway x") == 1


async def test_a_gateway_with_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    """Its sentence is the error; restarting would not help."""
    sentence = "MMHIE_PROT is not a setting; the nearest known name is MMHIE_PORT."
    async with running(tmp_path, gateway=f"echo '{sentence}'; exit 2") as run:
        with pytest.raises(GatewayFailed, match="MMHIE_PROT is not a setting"):
            await run.task


async def test_a_gateway_that_keeps_dying(tmp_path: Path) -> None:
    """Its last line is told."""
    limits = Limits(start_s=20, stall_s=60, restarts=0)
    async with running(tmp_path, gateway="echo oops; exit 1", limits=limits) as run:
        with pytest.raises(GatewayFailed, match=r"does not stay up \(exit code 1\): oops"):
            await run.task


async def test_the_deaf_are_killed_in_time(tmp_path: Path) -> None:
    """Neither program listens to SIGTERM; the whole stop stays within its seconds."""
    async with running(tmp_path, engine=shell(DEAF), gateway=DEAF) as run:
        await run.until(lambda: {"gateway up", "engine up"} <= set(run.lines))
        took = await run.stop(grace_s=4)

    assert 3.9 < took < 7


async def test_asked_twice_it_hurries(tmp_path: Path) -> None:
    """A second Ctrl-C waits for nobody."""
    async with running(tmp_path, engine=shell(DEAF), gateway=DEAF) as run:
        await run.until(lambda: {"gateway up", "engine up"} <= set(run.lines))
        run.supervisor.stop(60)
        await asyncio.sleep(0.3)

        assert await run.stop(60) < 1
