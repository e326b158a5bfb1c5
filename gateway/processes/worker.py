"""A worker process of uvicorn's supervisor. It imports the gateway after it can answer pings."""

import multiprocessing
import os
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors.multiprocess import Process

from gateway.processes.metrics_files import METRICS_FOLDER

if TYPE_CHECKING:
    from gateway.settings.gateway import GatewaySettings


class WorkerProcess(Process):
    """A process that runs one gateway."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], number: int, lost: int
    ) -> None:
        """`number` names its metrics files; `lost` counts the workers that died before."""
        super().__init__(config, sockets)
        self._number = number
        self._lost = lost

    def start(self) -> None:
        super().start()
        self.child_conn.close()  # the child's end: if open here, a ping to a dead worker would hang

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in the new process; a thread answers pings from the start."""
        threading.Thread(target=self.always_pong, daemon=True).start()
        from prometheus_client import values

        from gateway.processes import startup_checks

        number = self._number
        values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call] # untyped
        sys.exit(startup_checks.run(lambda settings: self._serve(settings, sockets or [])))

    def _serve(self, settings: "GatewaySettings", sockets: list[socket.socket]) -> int:
        from gateway.app import create_app
        from gateway.observability.metrics import Metrics
        from gateway.runtime import memory
        from gateway.server.drain import DrainingServer

        metrics = Metrics(Path(os.environ[METRICS_FOLDER]))
        metrics.workers_lost.set(self._lost)
        supervisor = multiprocessing.parent_process()
        self._server = DrainingServer(
            create_app(settings, metrics=metrics),
            settings,
            supervisor=supervisor.sentinel if supervisor else None,
        )
        memory.freeze_heap()
        self._server.run(sockets)
        return 0

    def pong(self) -> None:
        """Answer one ping with True if this worker is serving."""
        self.child_conn.recv()
        self.child_conn.send(self._server is not None and self._server.started)
