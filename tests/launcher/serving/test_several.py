"""Several engines under one supervisor: real fake engines, vLLM's real router before them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import repeat

import httpx2
import pytest

from launcher.errors import GaveUp
from launcher.process.child import Command
from launcher.serving import environment, router
from launcher.serving.engine_supervisor import EngineProgram, RestartPolicy
from launcher.serving.service_supervisor import Program
from launcher.serving.status_file import Phase
from launcher.serving.supervisor import ROUTER_READY, Programs, combine
from tests.contract.process import free_ports
from tests.launcher.serving.test_supervisor import ASK, GATEWAY, Run, ending, fake, shell

READY = Phase("ready", "The model is ready.", 1.0)
LOADING = Phase("loading", "Loading the weights.", 0.4)
STARTING = Phase("starting", "Starting the engine.", 0.1)
DOWN = Phase("engine_down", "The engine ended (exit code 1).")


@pytest.mark.parametrize(
    ("phases", "name", "detail"),
    [
        ([READY, READY], "ready", "The model is ready."),
        ([LOADING, STARTING], "starting", "Starting the engine."),
        ([READY, LOADING], "ready", "1 of 2 engines are ready. Loading the weights."),
        ([DOWN, DOWN], "engine_down", "The engine ended (exit code 1)."),
        ([], "ready", ROUTER_READY.detail),
    ],
)
def test_what_several_are_together(phases: list[Phase], name: str, detail: str) -> None:
    """Ready when one is, else as far as the slowest."""
    assert (combine(phases).name, combine(phases).detail) == (name, detail)


def ignore(line: str) -> None:
    """Nobody listens."""


@asynccontextmanager
async def pair(restarts: int) -> AsyncIterator[tuple[Run, str]]:
    """Two fake engines that are ready behind the router, and its address."""
    *ports, port, metrics_port = free_ports(4)
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    argv = router.argv(urls, port=port, metrics_port=metrics_port)
    commands = [fake("--port", str(port)) for port in ports]
    engines = tuple(map(EngineProgram, commands, urls, repeat(ignore)))
    programs = Programs(
        gateway=Program("gateway", shell(GATEWAY), ignore),
        router=Program("router", Command(argv, environment.for_router(os.environ, "")), ignore),
        router_url=f"http://127.0.0.1:{port}",
    )
    policy = RestartPolicy(start_s=20, stall_s=60, restarts=restarts)
    async with ending(Run(engines, programs, policy)) as run:
        await run.until(lambda: READY in run.phases)
        yield run, programs.router_url


def kill(run: Run, number: int) -> None:
    """Kill one of its engines."""
    child = run.supervisor._engines[number]._child
    assert child is not None
    child.kill()


async def ask(url: str) -> int:
    """A question through the router; the status."""
    async with httpx2.AsyncClient(base_url=url) as client:
        return (await client.post("/v1/chat/completions", json=ASK)).status_code


async def test_one_of_two_may_die() -> None:
    """Ready all along: it is restarted while the other works, and nobody is refused, not even in
    the second in which nobody knows."""
    async with pair(restarts=3) as (run, url):
        kill(run, 0)
        asked = [await ask(url) for _ in range(10)]
        await run.until(lambda: "1 of 2 engines are ready." in run.details)
        await run.until(lambda: run.phases[-1] == READY)

    assert asked == [200] * 10
    assert {phase.name for phase in run.phases} == {"starting", "loading", "ready", "draining"}


async def test_the_service_ends_when_the_last_one_is_given_up_on() -> None:
    """One that is leaves the other at work."""
    async with pair(restarts=0) as (run, url):
        kill(run, 0)
        await run.until(lambda: "1 of 2 engines are ready." in run.details)
        assert await ask(url) == 200

        kill(run, 1)
        with pytest.raises(GaveUp, match="restarted 0 times"):
            await run.task
