"""`python -m gateway.processes CHANNEL LISTENER NUMBER`: one worker of the supervisor."""

import os
import socket
import sys
from pathlib import Path

import uvloop
from prometheus_client import values

from gateway.app import create_app
from gateway.limits.admission import Quotas
from gateway.observability.metrics import Metrics
from gateway.processes import metrics_files, startup_checks
from gateway.processes.json_line_channel import JsonLineChannel
from gateway.processes.metrics_files import METRICS_FOLDER
from gateway.processes.remote_quotas import RemoteAdmissionQueue, RemoteRateLimiter, RpcClient
from gateway.processes.worker_server import WorkerServer
from gateway.runtime import memory
from gateway.settings.gateway import GatewaySettings


def main(channel: int, listener: int, number: int) -> int:
    """Serve until told to stop; 2 when a setting is wrong."""
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call] # untyped

    def run(settings: GatewaySettings) -> int:
        metrics_files.reserve(Path(os.environ[METRICS_FOLDER]), number)
        uvloop.run(serve(settings, socket.socket(fileno=channel), socket.socket(fileno=listener)))
        return 0

    return startup_checks.run(run)


async def serve(settings: GatewaySettings, end: socket.socket, listener: socket.socket) -> None:
    """Serve with the supervisor's quotas until told to stop."""
    channel = JsonLineChannel()
    rpc = RpcClient(channel.send)
    admission = RemoteAdmissionQueue(
        rpc, max_inflight=settings.max_inflight, max_queue=settings.max_queue
    )
    metrics = Metrics(Path(os.environ[METRICS_FOLDER]))
    quotas = Quotas(RemoteRateLimiter(rpc), admission)
    app = create_app(settings, quotas=quotas, metrics=metrics)
    memory.freeze_heap()

    def on_counts(inflight: int, waiting: int, workers: int, lost: int) -> None:
        admission.inflight, admission.waiting = inflight, waiting
        metrics.workers.set(workers)
        metrics.workers_lost.set(lost)

    server = WorkerServer(app, settings, rpc, on_counts)
    await channel.open(end, server.on_message, server.on_supervisor_gone)
    await server.serve(sockets=[listener])
    channel.close()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
