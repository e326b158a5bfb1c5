"""A node that is not the head of a multi-node engine: its ranks, and nothing that listens."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from launcher.errors import ExitedEarly
from launcher.planning.plan import EnginePlan
from launcher.process.child import Child, Command, Listener, describe
from launcher.process.stop import Stop
from launcher.serving import environment, startup_log

MASTER_PORT: Final = 29501  # vLLM's own default, on the head
TRY_EVERY_S: Final = 1.0
# A head whose machine is gone says nothing: after half a minute the kernel gives it up.
KEEPALIVE: Final = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}


class Head:
    """The head's ranks, known to live by a connection that the kernel closes with them."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self.is_lost = False

    async def lost(self) -> None:
        """Return once they have been there and are gone."""
        reader, writer = await self._connected()
        try:
            with contextlib.suppress(OSError):
                while await reader.read(1):
                    pass
        finally:
            writer.close()
        self.is_lost = True

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            try:
                reader, writer = await asyncio.open_connection(*self._where)
            except OSError:
                await asyncio.sleep(TRY_EVERY_S)
            else:
                keep_alive(writer.get_extra_info("socket"))
                return reader, writer


async def follow(
    plan: EnginePlan, environ: Mapping[str, str], listener: Listener, stop: Stop
) -> None:
    """Run this node's ranks until a stop is asked for; raise ExitedEarly when they end before.

    They are not restarted here: they end with the head's, whose next start waits for all anew.
    """
    child = Child(Command(plan.argv, environment.for_engine(environ, plan.env, key="")), listener)
    head = Head(*master(plan.argv))
    watch = asyncio.create_task(end_with(head, child, stop.grace_s))
    ended = await stop.first(child)
    watch.cancel()
    if ended is None:
        await stop.end(child, stop.grace_s)
        return
    if head.is_lost:
        raise ExitedEarly("The engine on node 0 ended, and this node's part with it: start both.")
    cause = startup_log.root_cause(tuple(child.last_lines)) or "its log has the reason."
    raise ExitedEarly(f"This node's part of the engine ended ({describe(ended)}): {cause}")


async def end_with(head: Head, child: Child, grace_s: float) -> None:
    """vLLM's followers wait for a dead head for ever."""
    await head.lost()
    await child.stop(grace_s)


def master(argv: Sequence[str]) -> tuple[str, int]:
    """Where the head's ranks are met; the last word counts, as in vLLM's own parser."""
    told = dict(pairwise(" ".join(argv).replace("=", " ").split()))
    return told["--master-addr"], int(told.get("--master-port", MASTER_PORT))


def keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds_or_times in KEEPALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, option, seconds_or_times)
