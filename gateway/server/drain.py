"""uvicorn's server, which drains before it stops and ends with exit code 0."""

import asyncio
import contextlib
import math
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from gateway.http.watched_tls import WatchedTls
from gateway.runtime import memory
from gateway.runtime.log import log
from gateway.server import limits
from gateway.server.http_protocol import HttpProtocol
from gateway.server.limits import ConnectionCap, ServerConfig, affordable_connections
from gateway.server.tls import TlsListener, load_server_tls
from gateway.settings.gateway import GatewaySettings

DRAINING_SIGNALS = (signal.SIGTERM, signal.SIGINT)
IGNORED_SIGNALS = (
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF),
    *(signal.SIGHUP, signal.SIGIO),
)
# In ticks of uvicorn, ten a second.
TIMEOUT_CHECK_TICKS = 5
TRIM_TICKS = 10
STARTUP_FAILURE = 3  # uvicorn's exit code


class DrainingServer(uvicorn.Server):
    """On SIGTERM or SIGINT, /readyz becomes 503; after the settle time the server drains."""

    config: ServerConfig

    def __init__(self, app: FastAPI, settings: GatewaySettings) -> None:
        self.tls = load_server_tls(settings)
        super().__init__(server_config(app, settings))
        self.app = app
        self.settle_s = settings.settle_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen with TLS or without."""
        if self.tls is None or sockets is None:
            await super().startup(sockets)
        else:
            await self._listen_with_tls(self.tls, sockets)

    async def _listen_with_tls(self, tls: WatchedTls, sockets: list[socket.socket]) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        self.servers = [TlsListener(sock, tls, self.config, self._protocol) for sock in sockets]  # type: ignore[misc] # has the methods that uvicorn calls
        self.started = True

    def _protocol(self) -> HttpProtocol:
        return HttpProtocol(self.config, self.server_state, self.lifespan.state)

    async def on_tick(self, counter: int) -> bool:
        """Run the upkeep; its failure ends no connection."""
        with self.app.state.services.background.guard("upkeep"):
            self._upkeep(counter)
        return await super().on_tick(counter)

    def _upkeep(self, counter: int) -> None:
        """Check connections for timeouts; once a second trim the heap, and log closed callers."""
        if counter % TIMEOUT_CHECK_TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, HttpProtocol):
                    connection.check_timeouts(now)
        if counter % TRIM_TICKS == 0:
            memory.trim_heap()
            self.config.cap.report()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on signals; uvicorn would raise them again, so that no exit is clean."""
        loop = asyncio.get_running_loop()
        for number in IGNORED_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for number in DRAINING_SIGNALS:
            loop.add_signal_handler(number, self.drain)
        try:
            yield
        finally:
            for number in DRAINING_SIGNALS:
                loop.remove_signal_handler(number)

    def drain(self) -> None:
        """Start draining; a second call stops at once."""
        services = getattr(self.app.state, "services", None)
        if services is None or services.watch.draining:
            self.force_exit = services is not None
            self.should_exit = True
            return
        services.watch.draining = True
        log.info("draining")
        if self.settle_s:
            asyncio.get_running_loop().call_later(self.settle_s, self._stop)
        else:
            self._stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop. The application ends in order after a second signal, too: uvicorn would leave its
        end to the loop's, which logs a traceback."""
        await super().shutdown(sockets)
        if self.force_exit:
            for task in self.server_state.tasks:
                task.cancel()
            await self.lifespan.shutdown()

    def _stop(self) -> None:
        self.app.state.services.watch.refusing = True
        self.should_exit = True


def server_config(app: FastAPI, settings: GatewaySettings) -> ServerConfig:
    config = ServerConfig(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the client address is not read from headers
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
    )
    config.settings = settings
    config.limits = limits.LIMITS
    config.cap = ConnectionCap(
        affordable_connections(config.limits.connections, settings.max_inflight)
    )
    return config
