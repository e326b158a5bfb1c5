"""`python -m gateway.workers LINK LISTENING NUMBER`: one worker, as the parent starts it."""

import os
import socket
import sys
from pathlib import Path

import uvloop
from prometheus_client import values

from gateway import startup_checks
from gateway.app import create_app
from gateway.limits.quotas import Quotas
from gateway.metrics import Metrics
from gateway.server import drain
from gateway.settings import GatewaySettings
from gateway.workers import metrics_files
from gateway.workers.json_line_channel import JsonLineChannel
from gateway.workers.remote_quotas import RemoteAdmissionQueue, RemoteRateLimiter, RpcClient
from gateway.workers.supervisor import METRICS_FOLDER
from gateway.workers.worker_server import WorkerServer


def main(link: int, listening: int, number: int) -> int:
    """Serve until told to stop; 2 when a setting is wrong."""
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call] # untyped

    def serve(chosen: GatewaySettings) -> int:
        metrics_files.reserve(Path(os.environ[METRICS_FOLDER]), number)
        uvloop.run(work(chosen, socket.socket(fileno=link), socket.socket(fileno=listening)))
        return 0

    return startup_checks.run(serve)


async def work(chosen: GatewaySettings, end: socket.socket, listening: socket.socket) -> None:
    """The life of a worker: the application with the parent's counts in it."""
    link = JsonLineChannel()
    asking = RpcClient(link.say)
    places = RemoteAdmissionQueue(asking, places=chosen.max_inflight, queue=chosen.max_queue)
    metrics = Metrics(Path(os.environ[METRICS_FOLDER]))
    app = create_app(chosen, counts=Quotas(RemoteRateLimiter(asking), places), metrics=metrics)
    drain.tune()

    def counted(inflight: int, waiting: int, workers: int, lost: int) -> None:
        places.inflight, places.waiting = inflight, waiting
        metrics.workers.set(workers)
        metrics.workers_lost.set(lost)

    worker = WorkerServer(app, chosen, asking, counted)
    await link.open(end, worker.hear, worker.orphaned)
    await worker.serve(sockets=[listening])
    link.close()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
