"""A node that is not the head of a multi-node engine: it runs its ranks, and nothing listens."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from launcher.errors import ExitedEarly
from launcher.planning.plan import EnginePlan
from launcher.process.child import Child, Command, Listener, describe
from launcher.process.restarts import Stop
from launcher.serving import engine_faults, environment, startup_log

MASTER_PORT: Final = 29501  # vLLM's own default, on the head
RETRY_S: Final = 1.0
# A head whose machine is gone sends nothing: after half a minute the kernel gives it up.
KEEPALIVE: Final = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}


async def head_gone(host: str, port: int) -> None:
    """Return once the head's ranks have been there and are gone: with them the kernel closes a
    connection to them."""
    reader, writer = await connect(host, port)
    try:
        with contextlib.suppress(OSError):
            while await reader.read(1):
                pass
    finally:
        writer.close()


async def connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection to the head, once it listens."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(RETRY_S)
        else:
            keep_alive(writer.get_extra_info("socket"))
            return reader, writer


async def follow(
    plan: EnginePlan, environ: Mapping[str, str], listener: Listener, stop: Stop
) -> None:
    """Run this node's ranks until a stop is requested; raise ExitedEarly when they end before,
    DeviceFailed when it is this node's GPUs that failed.

    They are not restarted here: they end with the head's, whose next start needs all of them anew.
    """
    child = Child(Command(plan.argv, environment.for_engine(environ, plan.env, key="")), listener)
    is_orphan = asyncio.Event()
    watching = asyncio.create_task(end_with_head(plan.argv, child, stop.grace_s, is_orphan))
    status = await stop.race(child.wait())
    watching.cancel()
    if status is None:
        await stop.end(child, stop.grace_s)
        return
    if is_orphan.is_set():
        raise ExitedEarly("The engine on node 0 ended, and this node's part with it: start both.")
    engine_faults.raise_device_fault(child.last_lines)
    cause = startup_log.root_cause(tuple(child.last_lines)) or "its log has the reason."
    raise ExitedEarly(f"This node's part of the engine ended ({describe(status)}): {cause}")


async def end_with_head(
    argv: Sequence[str], child: Child, grace_s: float, is_orphan: asyncio.Event
) -> None:
    """Stop the child once the head is gone: vLLM's followers wait for a dead head for ever."""
    await head_gone(*head_address(argv))
    is_orphan.set()
    await child.stop(grace_s)


def head_address(argv: Sequence[str]) -> tuple[str, int]:
    """Return the address of the head's ranks; the last flag counts, as in vLLM's own parser."""
    flags = dict(pairwise(" ".join(argv).replace("=", " ").split()))
    return flags["--master-addr"], int(flags.get("--master-port", MASTER_PORT))


def keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
