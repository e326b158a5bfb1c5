"""The server in a worker process, on the port that all workers share."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import values

from gateway.app import create_app
from gateway.observability.metrics import Metrics
from gateway.processes import startup_checks
from gateway.processes.metrics_files import METRICS_FOLDER
from gateway.runtime import memory
from gateway.runtime.log import log
from gateway.server.drain import DrainingServer, ignore_signals
from gateway.settings.gateway import GatewaySettings

COUNT_TICKS = 2  # of uvicorn, ten a second

Serve = Callable[["WorkerServer", list[socket.socket]], None]


def run(serve: Serve, sockets: list[socket.socket], number: int, lost: int) -> int:
    """Load the settings and serve; return the exit code, 2 when a setting is wrong."""
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call] # untyped

    def serve_with(settings: GatewaySettings) -> int:
        metrics = Metrics(Path(os.environ[METRICS_FOLDER]))
        metrics.workers_lost.set(lost)
        app = create_app(settings, metrics=metrics)
        memory.freeze_heap()
        serve(WorkerServer(app, settings, metrics), sockets)
        return 0

    return startup_checks.run(serve_with)


class WorkerServer(DrainingServer):
    """A server that drains on SIGTERM, or when its supervisor has ended."""

    def __init__(self, app: FastAPI, settings: GatewaySettings, metrics: Metrics) -> None:
        super().__init__(app, settings)
        self._metrics = metrics

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._metrics.workers.set(1)
        log.info("a worker is ready")
        if supervisor := multiprocessing.parent_process():
            asyncio.get_running_loop().add_reader(supervisor.sentinel, self._outlive, supervisor)

    def _outlive(self, supervisor: multiprocessing.process.BaseProcess) -> None:
        asyncio.get_running_loop().remove_reader(supervisor.sentinel)
        log.error("the supervisor has ended")
        self.settle_s = 0.0  # its successor needs the port
        self._drain_once()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on SIGTERM. Ctrl+C in a terminal sends SIGINT to every process: at the first one
        the supervisor sends SIGTERM, a second one ends the drain."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain_once)
        loop.add_signal_handler(signal.SIGINT, self._exit_if_draining)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        ignore_signals()
        yield

    @property
    def _is_draining(self) -> bool:
        services = getattr(self.app.state, "services", None)
        return services is not None and services.watch.draining

    def _drain_once(self) -> None:
        """Drain once: a process group may get SIGTERM beside the one from the supervisor."""
        if not self._is_draining:
            self.drain()

    def _exit_if_draining(self) -> None:
        if self._is_draining:
            self.drain()

    def _upkeep(self, counter: int) -> None:
        super()._upkeep(counter)
        if counter % COUNT_TICKS == 0:  # any worker that is scraped reports all of them
            self._metrics.observe_admission(self.app.state.services.admission)
