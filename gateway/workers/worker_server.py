"""The server of one worker: told by the parent when to go, and how."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

from fastapi import FastAPI

from gateway.logs import log
from gateway.server.drain import DrainingServer
from gateway.server.http_protocol import HttpProtocol
from gateway.settings import GatewaySettings
from gateway.workers.json_line_channel import Words
from gateway.workers.remote_quotas import RpcClient

IDLE_S = 5.0  # a connection nobody uses for this long is not what a worker stays for
CLOSE = (b"connection", b"close")


class WorkerServer(DrainingServer):
    """Stops on the parent's word, on SIGTERM, and when the parent is gone."""

    def __init__(
        self,
        app: FastAPI,
        settings: GatewaySettings,
        asking: RpcClient,
        counted: Callable[[int, int, int, int], None],
    ) -> None:
        super().__init__(app, settings)
        self._asking = asking
        self._is_retiring = False
        self._acts: dict[str, Callable[..., None]] = {
            "counts": counted,
            "drain": self._drain_once,
            "now": self._go,
            "ping": lambda: asking.say("pong"),
            "retire": self._retire,
        }

    def hear(self, words: Words) -> None:
        """Do what a line from the parent says; an answer begins with the number of its question."""
        if isinstance(words[0], int):
            self._asking.answered(*words)
        else:
            self._acts[words[0]](*words[1:])

    def orphaned(self) -> None:
        """Without its parent, a worker has no counts and nobody who would replace it; whoever
        starts the program anew needs the port."""
        self._asking.lost()
        if not self.should_exit:
            log.error("the parent is gone")
            self.settle_s = 0.0
            self._drain_once()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._asking.say("ready")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A terminal's Ctrl-C and hang-up reach every process of the group: the parent decides."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain_once)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        yield

    def _drain_once(self) -> None:
        services = getattr(self.app.state, "services", None)
        if services is None or not services.watch.draining:
            self.drain()

    def _go(self) -> None:
        self.force_exit = self.should_exit = True

    def _retire(self) -> None:
        """A successor is ready: take no new connection, and end the open ones where no request
        can get lost, with the next answer on each. Streams go on as long as they last."""
        self._is_retiring = True
        for server in self.servers:
            server.close()
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers.append(CLOSE)
        for connection in self.server_state.connections:
            if isinstance(connection, HttpProtocol):
                soon = min(connection.limits.keep_alive_s, IDLE_S)
                connection.limits = replace(connection.limits, keep_alive_s=soon)

    async def on_tick(self, counter: int) -> bool:
        is_empty = self._is_retiring and not self.server_state.connections
        return await super().on_tick(counter) or is_empty
