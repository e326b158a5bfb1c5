"""Supervise the workers and broker their shared quotas.

Signals are only noted; one loop acts.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import tempfile
import time
from itertools import count
from pathlib import Path

import uvloop

from gateway.limits.admission import LocalAdmissionQueue
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.processes import metrics_files
from gateway.processes.worker import Worker
from gateway.runtime.background import Background
from gateway.runtime.log import log
from gateway.server.drain import ignore_signals, reload_log_level
from gateway.settings.gateway import GatewaySettings

REPORT_EVERY_S = 0.25
PING_EVERY_S = 5.0
HANG_TIMEOUT_S = 30.0  # a worker silent for this long hangs
READY_TIMEOUT_S = 30.0
STEADY_S = 10.0  # a worker that lived this long did not fail at its start
FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
DRAIN_MARGIN_S = 10.0  # beyond what the settings give a drain
EXIT_TIMEOUT_S = 2.0


def run(settings: GatewaySettings, listener: socket.socket) -> int:
    """Serve with several workers until told to stop; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="mmhie-metrics-") as folder:
        return uvloop.run(WorkerSupervisor(settings, listener, Path(folder)).run())


class WorkerSupervisor:
    """The workers of one gateway, from the first start to the last exit."""

    def __init__(self, settings: GatewaySettings, listener: socket.socket, metrics: Path) -> None:
        self._settings = settings
        self._listener = listener
        self._limiter = LocalRateLimiter()
        self._admission = LocalAdmissionQueue.of(settings)
        self._metrics = metrics
        self._environ = worker_environ(settings, metrics)
        self._serving: list[Worker] = []
        self._retired: list[Worker] = []
        self._outdated: list[Worker] = []
        self._successor: Worker | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._not_before = 0.0
        self._lost = 0
        self._signals: list[int] = []
        self._wake = asyncio.Event()

    async def run(self) -> int:
        """Serve until told to stop; return the exit code of the program."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._note, number)
        ignore_signals()
        background = Background(lambda _: None)  # its failures are in the log: no metrics here
        reporting = asyncio.create_task(background.keep("upkeep", self._report_counts))
        try:
            status = await self._start_all()
            while not status and not self._must_stop():
                self._step()
                await self._sleep()
            await self._stop()
        finally:
            reporting.cancel()
            for worker in self._all():
                worker.kill(signal.SIGKILL)
            await asyncio.gather(*self._tasks)
        return status

    def _note(self, number: int) -> None:
        self._signals.append(number)
        self._wake.set()

    def _must_stop(self) -> bool:
        return any(number != signal.SIGHUP for number in self._signals)

    async def _sleep(self, seconds: float = PING_EVERY_S) -> None:
        """Wait until something happened."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def _all(self) -> list[Worker]:
        successor = [self._successor] if self._successor else []
        return [*self._serving, *self._retired, *successor]

    def _start(self) -> Worker:
        """Start a worker under the lowest free number: its metrics go on in the files of the last
        one with that number, so there are never more files than there were workers at once."""
        taken = {worker.number for worker in self._all()}
        number = next(free for free in count(1) if free not in taken)
        worker = Worker(number, self._limiter, self._admission, self._wake.set)
        task = asyncio.create_task(worker.run(self._listener, self._environ))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return worker

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _start_all(self) -> int:
        """Start all workers. One that ends before it is ready ends the program: it would again."""
        for _ in range(self._settings.workers):
            self._serving.append(self._start())
        while not self._must_stop():
            ended = [worker.status for worker in self._serving if worker.has_ended]
            if ended:
                return next((status for status in ended if status and status > 0), 1)
            if all(worker.is_ready for worker in self._serving):
                log.info("all workers are ready")
                return 0
            await self._sleep()
        return 0

    def _step(self) -> None:
        """Look at every worker once, and do what has to be done."""
        for worker in [one for one in self._all() if one.has_ended]:
            self._reap(worker)
        self._ping()
        if signal.SIGHUP in self._signals:
            self._signals = [number for number in self._signals if number != signal.SIGHUP]
            self._outdated = list(self._serving)
            reload_log_level()
            log.info("replacing all workers")
        self._start_missing()
        self._replace_next()

    def _reap(self, worker: Worker) -> None:
        metrics_files.clear_gauges(self._metrics, worker.number)
        if worker in self._retired:
            self._retired.remove(worker)
            return
        log.error("a worker has died: %s", worker.status)
        self._lost += 1
        now = time.monotonic()
        self._failures = 0 if now - worker.started > STEADY_S else self._failures + 1
        self._not_before = now + backoff_s(self._failures)
        if worker is self._successor:
            self._successor = None
            self._stop_replacing()
        else:
            self._serving.remove(worker)

    def _ping(self) -> None:
        """Ping every worker; kill those that hang."""
        now = time.monotonic()
        for worker in self._all():
            if worker.is_ready and now - worker.last_heard > HANG_TIMEOUT_S:
                log.error("a worker hangs and is killed")
                worker.kill(signal.SIGKILL)
            worker.channel.send("ping")

    def _start_missing(self) -> None:
        """Start the workers that are missing, with a backoff after quick deaths."""
        missing = self._settings.workers - len(self._serving)
        wait_s = self._not_before - time.monotonic()
        if missing and wait_s <= 0:
            self._serving.extend([self._start() for _ in range(missing)])
        elif missing:
            asyncio.get_running_loop().call_later(wait_s, self._wake.set)

    def _replace_next(self) -> None:
        """Do one step of a rolling restart: a successor is ready before a worker is retired."""
        self._outdated = [worker for worker in self._outdated if worker in self._serving]
        successor = self._successor
        if successor is None:
            self._successor = self._start() if self._outdated else None
        elif successor.is_ready:
            self._successor = None
            self._serving.append(successor)
            if self._outdated:
                self._retire(self._outdated.pop(0))
            self._wake.set()
        elif time.monotonic() - successor.started > READY_TIMEOUT_S:
            successor.kill(signal.SIGKILL)

    def _retire(self, worker: Worker) -> None:
        self._serving.remove(worker)
        self._retired.append(worker)
        worker.channel.send("retire")

    def _stop_replacing(self) -> None:
        if self._outdated:
            log.error("a new worker does not start: the old ones stay")
        self._outdated = []

    async def _stop(self) -> None:
        """Drain all workers; a second signal ends them at once."""
        self._listener.close()
        drain_s = self._settings.settle_seconds + self._settings.drain_seconds + DRAIN_MARGIN_S
        deadline = time.monotonic() + drain_s
        self._signals.clear()
        self._send_all("drain")
        while self._tasks and (left_s := deadline - time.monotonic()) > 0:
            await self._sleep(left_s)
            if self._must_stop():
                self._signals.clear()
                self._send_all("exit")
                deadline = min(deadline, time.monotonic() + EXIT_TIMEOUT_S)

    def _send_all(self, command: str) -> None:
        for worker in self._all():
            worker.channel.send(command)

    async def _report_counts(self) -> None:
        """Report the counts of the node to every worker, for its /metrics."""
        while True:
            admission = self._admission
            counts = (admission.inflight, admission.waiting, len(self._serving), self._lost)
            for worker in self._all():
                if worker.is_ready and counts != worker.reported:
                    worker.reported = counts
                    worker.channel.send("counts", *counts)
            await asyncio.sleep(REPORT_EVERY_S)


def worker_environ(settings: GatewaySettings, metrics: Path) -> dict[str, str]:
    """Return the environment of the workers: ours, and what has to be the same in all of them."""
    shared = {metrics_files.METRICS_FOLDER: str(metrics)}
    if settings.digest_key is None:  # else each would make one, and a client's cache salt with it
        shared["MMHIE_DIGEST_KEY"] = secrets.token_hex(32)
    return {**os.environ, **shared}


def backoff_s(failures: int) -> float:
    """Return the pause before the next start after so many quick deaths in a row."""
    return min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (failures - 1)) if failures else 0.0
