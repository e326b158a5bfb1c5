"""One worker as the parent sees it: a process, the link to it, and what it has drawn."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping

from gateway.workers.json_line_channel import JsonLineChannel, Words
from gateway.workers.quota_broker import QuotaBroker


class Worker:
    """A process of this program; `wake` is called when it is ready."""

    def __init__(self, number: int, ledger: QuotaBroker, wake: Callable[[], None]) -> None:
        self.number = number
        self.started = self.heard = time.monotonic()
        self.is_ready = False
        self.status: int | None = None
        self.told: tuple[int, ...] = ()  # the counts it heard last
        self._wake = wake
        self._pid = 0
        self.link = JsonLineChannel()
        self._account = ledger.account(self.link.say)

    async def run(self, listening: socket.socket, environ: Mapping[str, str]) -> None:
        """Start the process and return when it has ended; its exit status is then known."""
        ours, theirs = socket.socketpair()
        with theirs:
            await self.link.open(ours, self._hear, self._account.settle)
            words = [str(one) for one in (theirs.fileno(), listening.fileno(), self.number)]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.workers", *words),
                env=dict(environ),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), listening.fileno()),
            )
        self._pid = process.pid
        self.status = await process.wait()
        self.link.close()

    @property
    def has_ended(self) -> bool:
        return self.status is not None

    def kill(self, number: int) -> None:
        """Send a signal, if there is still somebody to get it."""
        if self._pid and not self.has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def _hear(self, words: Words) -> None:
        self.heard = time.monotonic()
        if words[0] == "ready":
            self.is_ready = True
            self._wake()
        elif words[0] != "pong":
            self._account.hear(words)
