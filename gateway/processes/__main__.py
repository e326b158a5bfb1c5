"""`python -m gateway.processes SUPERVISOR LISTENER NUMBER LOST`: one worker of the supervisor."""

import os
import socket
import sys
from pathlib import Path

import uvloop
from prometheus_client import values

from gateway.app import create_app
from gateway.observability.metrics import Metrics
from gateway.processes import metrics_files, startup_checks
from gateway.processes.metrics_files import METRICS_FOLDER
from gateway.processes.worker_server import WorkerServer
from gateway.runtime import memory
from gateway.settings.gateway import GatewaySettings


def main(supervisor: int, listener: int, number: int, lost: int) -> int:
    """Serve until told to stop; 2 when a setting is wrong."""
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call] # untyped
    folder = Path(os.environ[METRICS_FOLDER])

    def run(settings: GatewaySettings) -> int:
        metrics_files.reserve(folder, number)
        metrics = Metrics(folder)
        metrics.workers_lost.set(lost)
        app = create_app(settings, metrics=metrics)
        memory.freeze_heap()
        server = WorkerServer(app, settings, metrics, socket.socket(fileno=supervisor))
        uvloop.run(server.serve(sockets=[socket.socket(fileno=listener)]))
        return 0

    return startup_checks.run(run)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
