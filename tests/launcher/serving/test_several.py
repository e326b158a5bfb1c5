"""Several engines under one supervisor: real fake engines, vLLM's real router before them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
import psutil
import pytest

from launcher.errors import GaveUp, LauncherError
from launcher.process.child import GUARD, Command
from launcher.serving import environment, router
from launcher.serving.engine_supervisor import EngineProgram, RestartPolicy
from launcher.serving.service_supervisor import Program
from launcher.serving.status_file import Phase
from launcher.serving.supervisor import ROUTER_READY, Programs, Supervisor, combine
from tests.contract.process import free_ports
from tests.gateway.clock import Clock
from tests.launcher.serving.test_supervisor import ASK, GATEWAY, HANG_S, fake, shell

READY = Phase("ready", "The model is ready.", 1.0)
LOADING = Phase("loading", "Loading the weights.", 0.4)
STARTING = Phase("starting", "Starting the engine.", 0.1)
DOWN = Phase("engine_down", "The engine ended (exit code 1).")


@pytest.mark.parametrize(
    ("phases", "name", "detail"),
    [
        ([READY], "ready", "The model is ready."),
        ([READY, READY], "ready", "The model is ready."),
        ([LOADING, STARTING], "starting", "Starting the engine."),
        ([READY, LOADING], "ready", "1 of 2 engines are ready. Loading the weights."),
        ([DOWN, READY], "ready", "1 of 2 engines are ready. The engine ended (exit code 1)."),
        ([DOWN, DOWN], "engine_down", "The engine ended (exit code 1)."),
        ([], "ready", ROUTER_READY.detail),
    ],
)
def test_what_several_are_together(phases: list[Phase], name: str, detail: str) -> None:
    """Ready when one is, else as far as the slowest."""
    assert (combine(phases).name, combine(phases).detail) == (name, detail)


class Pair:
    """Two fake engines behind the router, and what was published."""

    def __init__(self, restarts: int) -> None:
        self.phases: list[Phase] = []
        self._at = 0
        *ports, self.port, metrics_port = free_ports(4)
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        argv = router.argv(urls, port=self.port, metrics_port=metrics_port)
        command = Command(argv, environment.for_router(os.environ))
        programs = Programs(
            engines=tuple(
                EngineProgram(fake("--port", str(port)), url, lambda line: None)
                for port, url in zip(ports, urls, strict=True)
            ),
            gateway=Program("gateway", shell(GATEWAY), lambda line: None),
            router=Program("router", command, lambda line: None),
            router_url=f"http://127.0.0.1:{self.port}",
        )
        policy = RestartPolicy(start_s=20, stall_s=60, restarts=restarts)
        self.supervisor = Supervisor(programs, policy, self.phases.append, clock=Clock())
        self.task = asyncio.create_task(self.supervisor.run())
        self.ports = ports

    async def until(self, words: str) -> None:
        """Wait for a phase with these words, after the one that was waited for before; on a busy
        machine it may have come and gone."""
        async with asyncio.timeout(HANG_S):
            while (place := self._next(words)) is None:
                await asyncio.sleep(0.02)
        self._at = place

    def _next(self, words: str) -> int | None:
        later = enumerate(self.phases[self._at :], self._at)
        return next((number for number, phase in later if words in phase.detail), None)

    def kill(self, port: int) -> None:
        """The fake engine on this port."""
        for child in psutil.Process().children(recursive=True):
            if child.status() == psutil.STATUS_ZOMBIE:
                continue
            line = child.cmdline()
            if str(port) in line and "tests.fake_engine" in line and str(GUARD) not in line:
                child.kill()

    async def ask(self) -> int:
        """A question through the router; the status."""
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            return (await client.post("/v1/chat/completions", json=ASK)).status_code


@asynccontextmanager
async def pair(restarts: int) -> AsyncIterator[Pair]:
    """Ready, and ended with the test."""
    running = Pair(restarts)
    try:
        await running.until("The model is ready.")
        yield running
    finally:
        running.supervisor.stop(2)
        with suppress(LauncherError):
            await running.task


async def test_one_of_two_is_restarted_while_the_other_works() -> None:
    """Ready all along; nobody is refused, not even in the second in which nobody knows."""
    async with pair(restarts=3) as running:
        running.kill(running.ports[0])
        asked = [await running.ask() for _ in range(10)]
        await running.until("1 of 2 engines are ready.")
        await running.until("The model is ready.")

    assert asked == [200] * 10
    assert {phase.name for phase in running.phases} == {"starting", "loading", "ready", "draining"}


async def test_one_that_is_given_up_on_leaves_the_other_at_work() -> None:
    """The service ends when the last one is."""
    async with pair(restarts=0) as running:
        running.kill(running.ports[0])
        await running.until("1 of 2 engines are ready.")
        await asyncio.sleep(1.5)
        assert not running.task.done()
        assert await running.ask() == 200

        running.kill(running.ports[1])
        with pytest.raises(GaveUp, match="restarted 0 times"):
            await running.task
