"""Several workers on one port: uvicorn's supervisor, with a gateway in each of its processes."""

import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from gateway.processes import metrics_files
from gateway.processes.worker import WorkerProcess
from gateway.runtime.log import log
from gateway.server.drain import STARTUP_FAILURE, ignore_signals, reload_log_level
from gateway.settings.gateway import GatewaySettings

PING_TIMEOUT_S = 30
RESTART_PAUSE_S = 5.0  # between two starts of a worker that dies at once


def run(settings: GatewaySettings, listener: socket.socket) -> int:
    """Serve with several workers until a signal stops them; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="mmhie-metrics-") as folder:
        for number in range(settings.workers):
            metrics_files.reserve(Path(folder), number)
        os.environ.update(shared_variables(settings, folder))
        ignore_signals()
        sys.stdin = None  # else uvicorn opens it in each worker, and nobody closes it
        supervisor = WorkerSupervisor(settings.workers, listener, Path(folder))
        try:
            supervisor.run()
        finally:
            supervisor.kill_all()
        return supervisor.exit_code


def shared_variables(settings: GatewaySettings, metrics: str) -> dict[str, str]:
    """Return the environment variables that all workers share."""
    shared = {metrics_files.METRICS_FOLDER: metrics}
    if settings.digest_key is None:  # else each would make one, and a client's cache salt with it
        shared["MMHIE_DIGEST_KEY"] = secrets.token_hex(32)
    return shared


class WorkerSupervisor(Multiprocess):
    """Start the workers, replace those that die, and drain all of them on SIGTERM."""

    def __init__(self, workers: int, listener: socket.socket, metrics: Path) -> None:
        config = uvicorn.Config(
            "gateway",  # not loaded: each worker makes its own application
            workers=workers,
            log_config=None,
            timeout_worker_healthcheck=PING_TIMEOUT_S,
        )
        super().__init__(config, [listener])
        self._metrics = metrics
        self._lost = 0
        self._not_before: dict[int, float] = {}  # by worker number: earliest time of its next start
        self.exit_code = 0

    def init_processes(self) -> None:
        for number in range(self.processes_num):
            self.processes.append(self._start(number))

    def _start(self, number: int) -> Process:
        self._not_before[number] = time.monotonic() + RESTART_PAUSE_S
        process = WorkerProcess(self.config, self.sockets, number, self._lost)
        process.start()
        return process

    def keep_subprocess_alive(self) -> None:
        """Replace each worker that has ended or does not answer a ping."""
        if self.should_exit.is_set():  # Ctrl+C has reached the workers, too
            return
        for number, process in enumerate(self.processes):
            is_paused = time.monotonic() < self._not_before[number]
            if not is_paused and not process.is_alive(PING_TIMEOUT_S):
                self._replace(number, process)

    def _replace(self, number: int, process: Process) -> None:
        process.kill()
        process.join()
        metrics_files.clear_gauges(self._metrics, number)
        nobody_serves = not any(worker.is_ready() for worker in self.processes)
        if process.exitcode == STARTUP_FAILURE and nobody_serves:
            self.exit_code = STARTUP_FAILURE
            self.should_exit.set()
            return
        if process.exitcode:
            log.error("a worker has died: %s", process.exitcode)
            self._lost += 1
        try:
            self.processes[number] = self._start(number)
        except OSError as problem:  # tried again after the pause
            log.error("a worker cannot be replaced: %s", problem.strerror)

    def kill_all(self) -> None:
        """Kill every worker, so that none outlives the supervisor."""
        for process in self.processes:
            process.kill()

    def terminate_all(self) -> None:
        """Stop listening here, and drain the workers."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def handle_hup(self) -> None:
        """Have every worker read its files again, as a single gateway does."""
        reload_log_level()
        for process in self.processes:
            if process.exitcode is None and process.pid and process.is_ready():
                os.kill(process.pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Ignore the signal: each worker's share of the limits is for a fixed number of them."""

    handle_ttou = handle_ttin
