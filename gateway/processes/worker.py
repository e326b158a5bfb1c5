"""One worker as the supervisor sees it: a process, the channel to it, and its draws on quotas."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping

from gateway.limits.admission import LocalAdmissionQueue
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.processes.json_line_channel import JsonLineChannel, Message
from gateway.processes.quota_broker import QuotaBroker


class Worker:
    """A process of this program; `on_ready` is called when it serves."""

    def __init__(
        self,
        number: int,
        limiter: LocalRateLimiter,
        admission: LocalAdmissionQueue,
        on_ready: Callable[[], None],
    ) -> None:
        self.number = number
        self.started = self.last_heard = time.monotonic()
        self.is_ready = False
        self.status: int | None = None
        self.reported: tuple[int, ...] = ()  # the counts it was sent last
        self.channel = JsonLineChannel()
        self._broker = QuotaBroker(limiter, admission, self.channel.send)
        self._on_ready = on_ready
        self._pid = 0

    async def run(self, listener: socket.socket, environ: Mapping[str, str]) -> None:
        """Start the process and return when it has ended; its exit status is then known."""
        ours, theirs = socket.socketpair()
        with theirs:
            await self.channel.open(ours, self._on_message, self._broker.close)
            numbers = (theirs.fileno(), listener.fileno(), self.number)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.processes", *map(str, numbers)),
                env=dict(environ),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), listener.fileno()),
            )
        self._pid = process.pid
        self.status = await process.wait()
        self.channel.close()

    @property
    def has_ended(self) -> bool:
        return self.status is not None

    def kill(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self._pid and not self.has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def _on_message(self, message: Message) -> None:
        self.last_heard = time.monotonic()
        if message[0] == "ready":
            self.is_ready = True
            self._on_ready()
        elif message[0] != "pong":
            self._broker.handle(message)
