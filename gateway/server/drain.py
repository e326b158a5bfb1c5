"""The process: uvicorn, told to drain before it stops and to end with exit code 0."""

import asyncio
import contextlib
import gc
import math
import signal
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from gateway.logs import log
from gateway.memory import give_back
from gateway.server.file_descriptors import room_for
from gateway.server.http_protocol import HttpProtocol
from gateway.server.limits import ConnectionLimits, ServerConfig
from gateway.server.tls import Tls, tls_of
from gateway.settings import GatewaySettings

TICKS_BETWEEN_CHECKS = 5  # of uvicorn's, ten a second
TICKS_BETWEEN_TRIMS = 10
TICKS_BETWEEN_RENEWALS = 50


class DrainingServer(uvicorn.Server):
    """On SIGTERM or SIGINT: /readyz says 503, serve on through the settle time, then drain."""

    def __init__(self, app: FastAPI, settings: GatewaySettings) -> None:
        self.tls = tls_of(settings)
        super().__init__(config(app, settings, self.tls))
        self.app = app
        self.settle_s = settings.settle_seconds

    async def on_tick(self, counter: int) -> bool:
        """uvicorn's pulse: connections that have run out of time end with it."""
        if counter % TICKS_BETWEEN_CHECKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, HttpProtocol):
                    connection.check(now)
        if counter % TICKS_BETWEEN_TRIMS == 0:
            give_back()
        if self.tls is not None and counter % TICKS_BETWEEN_RENEWALS == 0:
            self.tls.renew()
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals; uvicorn's own way re-raises them, which is no clean exit."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.drain)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def drain(self) -> None:
        """Start to stop; a second signal does it now."""
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

    def _stop(self) -> None:
        self.app.state.services.watch.refusing = True
        self.should_exit = True


def config(app: FastAPI, settings: GatewaySettings, tls: Tls | None = None) -> ServerConfig:
    """What uvicorn is told."""
    told = ServerConfig(
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
        proxy_headers=False,  # nothing here reads a client address, and it costs on every request
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
        ssl_context_factory=None if tls is None else lambda *_: tls.context,
    )
    told.limits = limits_of(settings)
    return told


def limits_of(settings: GatewaySettings) -> ConnectionLimits:
    """What one connection, and all of them together, may take."""
    return ConnectionLimits(
        header_s=settings.header_timeout_seconds,
        body_s=settings.body_timeout_seconds,
        keep_alive_s=settings.keep_alive_seconds,
        send_s=settings.send_timeout_seconds,
        header_bytes=settings.max_header_bytes,
        body_bytes=settings.max_body_bytes,
        connections=room_for(settings.max_connections, settings.max_inflight),
    )


def tune() -> None:
    """What start-up made is never garbage; rarer collections halved the measured tail latency."""
    gc.collect()
    give_back()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
