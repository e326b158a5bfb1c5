"""Supervise the workers: start, replace and stop them. Signals are only noted; one loop acts."""

import contextlib
import os
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import FrameType

from gateway.processes import metrics_files
from gateway.processes.worker import Worker
from gateway.runtime.log import log
from gateway.server.drain import ignore_signals, reload_log_level
from gateway.settings.gateway import GatewaySettings

TICK_S = 0.1
RETRY_S = 1.0  # after a step that the system refused
SILENT_S = 30.0  # a worker that is silent for so long hangs
STEP_S = 5.0  # a step that comes later than this: we have stood still, and the workers with us
START_S = 120.0  # many may start at once, on few processors
STEADY_S = 10.0  # a worker that lived this long did not fail at its start
FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
DRAIN_MARGIN_S = 10.0  # beyond what the settings give a drain
EXIT_TIMEOUT_S = 2.0


def run(settings: GatewaySettings, listener: socket.socket) -> int:
    """Serve with several workers until told to stop; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="mmhie-metrics-") as folder:
        return WorkerSupervisor(settings, listener, Path(folder)).run()


class WorkerSupervisor:
    """The workers of one gateway, from the first start to the last exit."""

    def __init__(self, settings: GatewaySettings, listener: socket.socket, metrics: Path) -> None:
        self._settings = settings
        self._listener = listener
        self._metrics = metrics
        self._environ = worker_environ(settings, metrics)
        self._workers: list[Worker] = []
        self._has_started = False
        self._lost = 0
        self._failures = 0
        self._not_before = 0.0
        self._listened = time.monotonic()
        self._signals: list[int] = []
        self._status = 0

    def run(self) -> int:
        """Serve until told to stop; return the exit code of the program."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)
        ignore_signals()
        with self._none_left():
            while not self._status and not self._must_stop():
                time.sleep(TICK_S if self._try_step() else RETRY_S)
            self._stop()
        return self._status

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _must_stop(self) -> bool:
        return any(number != signal.SIGHUP for number in self._signals)

    @contextlib.contextmanager
    def _none_left(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._send_all(signal.SIGKILL)
            for worker in self._workers:
                worker.close()

    def _serving(self) -> list[Worker]:
        return [worker for worker in self._workers if not worker.is_retired]

    def _try_step(self) -> bool:
        """Take a step; what the system refuses now, like a process, is tried again later."""
        try:
            self._step()
        except OSError as problem:
            log.error("a worker cannot be replaced: %s", problem.strerror)
            return False
        return True

    def _step(self) -> None:
        """Look at every worker once, and do what has to be done."""
        self._reap()
        if signal.SIGHUP in self._signals and self._has_started:
            self._signals = [number for number in self._signals if number != signal.SIGHUP]
            self._begin_replacing()
        self._listen()
        self._retire_outdated()
        self._start_missing()
        ready = sum(worker.is_ready for worker in self._workers)
        if not self._has_started and ready == self._settings.workers:
            self._has_started = True
            log.info("all workers are ready")

    def _reap(self) -> None:
        """Take leave of the workers that have ended."""
        for worker in [worker for worker in self._workers if worker.poll() is not None]:
            metrics_files.clear_gauges(self._metrics, worker.number)
            self._workers.remove(worker)
            worker.close()
            if not worker.is_retired:
                self._note_death(worker)

    def _note_death(self, worker: Worker) -> None:
        """Count it. One that ends before all have served ends the program: it would again."""
        status = worker.poll() or 0
        log.error("a worker has died: %s", status)
        self._lost += 1
        now = time.monotonic()
        self._failures = 0 if now - worker.started > STEADY_S else self._failures + 1
        self._not_before = now + backoff_s(self._failures)
        if not self._has_started:
            self._status = max(self._status, status, 1)
        elif not worker.is_ready:
            self._stop_replacing()

    def _begin_replacing(self) -> None:
        reload_log_level()
        log.info("replacing all workers")
        for worker in self._serving():
            worker.is_outdated = True

    def _stop_replacing(self) -> None:
        outdated = [worker for worker in self._workers if worker.is_outdated]
        if any(not worker.is_retired for worker in outdated):
            log.error("a new worker does not start: the old ones stay")
        for worker in outdated:
            worker.is_outdated = False

    def _listen(self) -> None:
        """Take in the heartbeats, and kill the workers that hang. While all of us are stopped, as
        in a container that is paused, nobody is silent."""
        now = time.monotonic()
        stood_s, self._listened = now - self._listened, now
        for worker in self._workers:
            worker.last_heard += stood_s if stood_s > STEP_S else 0.0
            worker.listen()
            patience_s = SILENT_S if worker.is_ready else START_S
            if now - worker.last_heard > patience_s:
                log.error("a worker hangs and is killed")
                worker.send_signal(signal.SIGKILL)

    def _retire_outdated(self) -> None:
        """Retire an old worker for each ready one that is beyond the number."""
        serving = self._serving()
        outdated = [worker for worker in serving if worker.is_outdated]
        spare = sum(worker.is_ready for worker in serving) - self._settings.workers
        for worker in outdated[: max(0, spare)]:
            worker.retire()

    def _start_missing(self) -> None:
        """Start the workers that are missing, one more while old ones are replaced, and with a
        pause after quick deaths."""
        serving = self._serving()
        wanted = self._settings.workers + any(worker.is_outdated for worker in serving)
        if time.monotonic() >= self._not_before:
            for _ in range(wanted - len(serving)):
                self._start()

    def _start(self) -> None:
        """Start a worker under the lowest free number: its metrics go on in the files of the last
        one with that number, so there are never more files than there were workers at once."""
        taken = {worker.number for worker in self._workers}
        number = next(free for free in count(1) if free not in taken)
        self._workers.append(Worker(number, self._lost, self._listener, self._environ))

    def _stop(self) -> None:
        """Drain all workers; a second signal ends them at once."""
        self._listener.close()
        drain_s = self._settings.settle_seconds + self._settings.drain_seconds + DRAIN_MARGIN_S
        deadline = time.monotonic() + drain_s
        self._signals.clear()
        self._send_all(signal.SIGTERM)
        while self._is_any_left() and time.monotonic() < deadline:
            time.sleep(TICK_S)
            if self._must_stop():
                self._signals.clear()
                self._send_all(signal.SIGQUIT)
                deadline = min(deadline, time.monotonic() + EXIT_TIMEOUT_S)

    def _is_any_left(self) -> bool:
        return any(worker.poll() is None for worker in self._workers)

    def _send_all(self, number: int) -> None:
        for worker in self._workers:
            worker.send_signal(number)


def worker_environ(settings: GatewaySettings, metrics: Path) -> dict[str, str]:
    """Return the environment of the workers: ours, and what has to be the same in all of them."""
    shared = {metrics_files.METRICS_FOLDER: str(metrics)}
    if settings.digest_key is None:  # else each would make one, and a client's cache salt with it
        shared["MMHIE_DIGEST_KEY"] = secrets.token_hex(32)
    return {**os.environ, **shared}


def backoff_s(failures: int) -> float:
    """Return the pause before the next start after so many quick deaths in a row."""
    return min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (failures - 1)) if failures else 0.0
