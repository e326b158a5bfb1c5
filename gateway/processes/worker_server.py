"""The server of one worker, which the supervisor drains, retires and stops."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

from fastapi import FastAPI

from gateway.observability.metrics import Metrics
from gateway.runtime.log import log
from gateway.server.drain import DrainingServer, ignore_signals
from gateway.server.http_protocol import HttpProtocol
from gateway.settings.gateway import GatewaySettings

RETIRED_KEEP_ALIVE_S = 5.0
CLOSE = (b"connection", b"close")
# In ticks of uvicorn, ten a second.
HEARTBEAT_TICKS = 10
COUNT_TICKS = 2


class WorkerServer(DrainingServer):
    """A server that drains on SIGTERM, and retires when the supervisor's socket ends."""

    def __init__(
        self, app: FastAPI, settings: GatewaySettings, metrics: Metrics, supervisor: socket.socket
    ) -> None:
        super().__init__(app, settings)
        self._metrics = metrics
        self._supervisor = supervisor
        self._supervisor.setblocking(False)
        self._is_retiring = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._metrics.workers.set(1)
        asyncio.get_running_loop().add_reader(self._supervisor, self._retire)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGINT and SIGHUP to the supervisor: a terminal sends them to the whole group."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain_once)
        loop.add_signal_handler(signal.SIGQUIT, self._exit_now)
        ignore_signals()
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        yield

    def _drain_once(self) -> None:
        """Drain; a group may get the signal that the supervisor passes on, too."""
        services = getattr(self.app.state, "services", None)
        if services is None or not services.watch.draining:
            self.drain()

    def _exit_now(self) -> None:
        self.force_exit = self.should_exit = True

    def _retire(self) -> None:
        """Take no new connection, and close the open ones where no request can get lost: with the
        next answer on each. Streams go on as long as they last."""
        asyncio.get_running_loop().remove_reader(self._supervisor)
        log.info("taking no new connections: replaced, or the supervisor has ended")
        self._is_retiring = True
        self._metrics.workers.set(0)
        for server in self.servers:
            server.close()
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers.append(CLOSE)
        for connection in self.server_state.connections:
            if isinstance(connection, HttpProtocol):
                connection.keep_alive_s = min(connection.keep_alive_s, RETIRED_KEEP_ALIVE_S)

    async def on_tick(self, counter: int) -> bool:
        if counter % HEARTBEAT_TICKS == 0:
            with contextlib.suppress(OSError):  # it has ended, or does not read
                self._supervisor.send(b".")
        is_empty = self._is_retiring and not self.server_state.connections
        return await super().on_tick(counter) or is_empty

    def _upkeep(self, counter: int) -> None:
        super()._upkeep(counter)
        if counter % COUNT_TICKS == 0:  # whichever worker is scraped tells of all
            self._metrics.observe_admission(self.app.state.services.admission)
