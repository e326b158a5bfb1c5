"""A follower's life: it ends when asked, when its ranks do, and when the head's are gone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from launcher.errors import DeviceFailed, ExitedEarly
from launcher.planning.plan import EnginePlan
from launcher.process.restarts import Stop
from launcher.serving.follower import MASTER_PORT, follow, head_address
from tests.launcher.plans import plan

RUNS = "import time; print('running', flush=True); time.sleep(3600)"
DIES = "raise SystemExit('ValueError: heads do not divide')"
HANG_S = 900
GRACE_S = 10.0 * HANG_S  # longer than a test may take: nothing here waits for it


def ranks(program: str, port: int) -> EnginePlan:
    """A node whose ranks are this program."""
    where = ("--master-addr", "127.0.0.1", "--master-port", str(port))
    made = plan("cpu,ram=16", reasoner_model="embedded")
    return replace(made, argv=(sys.executable, "-c", program, *where))


class Head:
    """Listens as the head's first rank does, and drops whoever came when told to."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.came = asyncio.Event()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _meet(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.came.set()

    async def die(self) -> None:
        """As a killed process: the kernel closes everything."""
        self._server.close()
        for writer in self.writers:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
async def head() -> AsyncIterator[Head]:
    """Listening."""
    made = Head()
    await made.start()
    yield made
    await made.die()


async def test_it_ends_with_the_head(head: Head) -> None:
    """vLLM's own followers would wait for ever."""
    running, made = asyncio.Event(), ranks(RUNS, head.port)
    following = asyncio.create_task(
        follow(made, os.environ, lambda _: running.set(), Stop(GRACE_S))
    )
    await asyncio.gather(head.came.wait(), running.wait())
    await head.die()

    async with asyncio.timeout(HANG_S):
        with pytest.raises(ExitedEarly, match="The engine on node 0 ended"):
            await following


async def test_a_head_that_comes_later_is_met(head: Head) -> None:
    """Nodes start in any order; until then nothing is lost."""
    port = head.port
    await head.die()
    stop = Stop(GRACE_S)
    following = asyncio.create_task(follow(ranks(RUNS, port), os.environ, print, stop))
    await asyncio.sleep(0.2)
    await head.start(port)
    await asyncio.wait_for(head.came.wait(), HANG_S)

    assert not following.done()
    stop.request(GRACE_S)
    await following


async def test_its_own_end_is_told_with_the_cause(head: Head) -> None:
    """The root cause out of the engine's lines, as for an engine of one node."""
    with pytest.raises(ExitedEarly, match=r"\(exit code 1\): .*heads do not divide"):
        await follow(ranks(DIES, head.port), os.environ, print, Stop(GRACE_S))


async def test_a_fault_of_its_gpu_is_told(head: Head) -> None:
    """With an exit code of its own: no restart of this process tree mends it."""
    program = "raise SystemExit('RuntimeError: CUDA error: uncorrectable ECC error encountered')"
    with pytest.raises(DeviceFailed, match="uncorrectable ECC error encountered"):
        await follow(ranks(program, head.port), os.environ, lambda line: None, Stop(GRACE_S))


@pytest.mark.parametrize(
    ("more", "port"),
    [
        ((), MASTER_PORT),
        (("--master-port", "7"), 7),
        (("--master-port=7",), 7),
        (("--master-port=7", "--master-port", "8"), 8),
    ],
)
def test_where_the_head_is_met(more: tuple[str, ...], port: int) -> None:
    """MMHIE_ENGINE_ARGS may say another port."""
    assert head_address(("vllm", "serve", "m", "--master-addr", "h", *more)) == ("h", port)
