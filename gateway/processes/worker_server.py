"""The server of one worker, which the supervisor drains, retires and stops."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

from fastapi import FastAPI

from gateway.processes.json_line_channel import Message
from gateway.processes.remote_quotas import RpcClient
from gateway.runtime.log import log
from gateway.server.drain import DrainingServer, ignore_signals
from gateway.server.http_protocol import HttpProtocol
from gateway.settings.gateway import GatewaySettings

RETIRED_KEEP_ALIVE_S = 5.0
CLOSE = (b"connection", b"close")


class WorkerServer(DrainingServer):
    """A server that stops on the supervisor's command, on SIGTERM, and when the supervisor ends."""

    def __init__(
        self,
        app: FastAPI,
        settings: GatewaySettings,
        rpc: RpcClient,
        on_counts: Callable[[int, int, int, int], None],
    ) -> None:
        super().__init__(app, settings)
        self._rpc = rpc
        self._is_retiring = False
        self._commands: dict[str, Callable[..., None]] = {
            "counts": on_counts,
            "drain": self._drain_once,
            "exit": self._exit_now,
            "ping": lambda: rpc.send("pong"),
            "retire": self._retire,
        }

    def on_message(self, message: Message) -> None:
        """Run a command of the supervisor, or settle the call that its reply belongs to."""
        if isinstance(message[0], int):
            self._rpc.on_reply(*message)
        else:
            self._commands[message[0]](*message[1:])

    def on_supervisor_gone(self) -> None:
        """Drain without the settle time.

        Without its supervisor a worker has no quotas and nobody who would replace it, and the next
        start needs the port.
        """
        self._rpc.on_close()
        if not self.should_exit:
            log.error("the supervisor has ended; draining")
            self.settle_s = 0.0
            self._drain_once()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._rpc.send("ready")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGINT and SIGHUP to the supervisor: a terminal sends them to the whole group."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain_once)
        ignore_signals()
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        yield

    def _drain_once(self) -> None:
        services = getattr(self.app.state, "services", None)
        if services is None or not services.watch.draining:
            self.drain()

    def _exit_now(self) -> None:
        self.force_exit = self.should_exit = True

    def _retire(self) -> None:
        """Take no new connection, and close the open ones where no request can get lost: with the
        next answer on each. Streams go on as long as they last."""
        self._is_retiring = True
        for server in self.servers:
            server.close()
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers.append(CLOSE)
        for connection in self.server_state.connections:
            if isinstance(connection, HttpProtocol):
                connection.keep_alive_s = min(connection.keep_alive_s, RETIRED_KEEP_ALIVE_S)

    async def on_tick(self, counter: int) -> bool:
        is_empty = self._is_retiring and not self.server_state.connections
        return await super().on_tick(counter) or is_empty
