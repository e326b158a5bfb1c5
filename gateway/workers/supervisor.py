"""The parent: answers nobody, but keeps the workers up and their counts.

Signals only leave a note; one loop acts.
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

from gateway.limits.quotas import admission_of
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.logs import log
from gateway.settings import GatewaySettings
from gateway.workers import metrics_files
from gateway.workers.quota_broker import QuotaBroker
from gateway.workers.worker import Worker

TELL_EVERY_S = 0.25
PING_EVERY_S = 5.0
SILENT_S = 30.0  # a worker that says nothing for this long hangs
READY_S = 30.0  # a new worker has to be ready by then
STEADY_S = 10.0  # who lived this long did not die of its start
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
SPARE_S = 10.0  # beyond what the settings give a drain
HURRY_S = 2.0


METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own name


def run(settings: GatewaySettings, listening: socket.socket) -> int:
    """The workers that the settings ask for, until told to stop; the exit code."""
    with tempfile.TemporaryDirectory(prefix="mmhie-metrics-") as folder:
        parent = WorkerSupervisor(settings, listening, Path(folder))
        return uvloop.run(parent.run())


class WorkerSupervisor:
    """The workers of one gateway, from the first start to the last exit."""

    def __init__(
        self,
        settings: GatewaySettings,
        listening: socket.socket,
        metrics: Path,
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._ledger = QuotaBroker(LocalRateLimiter(), admission_of(settings))
        self._metrics = metrics
        self._environ = environment(settings, metrics)
        self._serving: list[Worker] = []
        self._retired: list[Worker] = []
        self._outdated: list[Worker] = []
        self._fresh: Worker | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._not_before = 0.0
        self._lost = 0
        self._signals: list[int] = []
        self._wake = asyncio.Event()

    async def run(self) -> int:
        """Serve until told to stop; the exit status of the program."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._note, number)
        telling = asyncio.create_task(self._tell())
        try:
            status = await self._begin()
            while not status and not self._is_told_to_stop():
                self._tend()
                await self._pause()
            await self._stop()
        finally:
            telling.cancel()
            for worker in self._everybody():
                worker.kill(signal.SIGKILL)
            await asyncio.gather(*self._tasks)
        return status

    def _note(self, number: int) -> None:
        self._signals.append(number)
        self._wake.set()

    def _is_told_to_stop(self) -> bool:
        return any(number != signal.SIGHUP for number in self._signals)

    async def _pause(self, seconds: float = PING_EVERY_S) -> None:
        """Wait until something happened."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def _everybody(self) -> list[Worker]:
        fresh = [self._fresh] if self._fresh else []
        return [*self._serving, *self._retired, *fresh]

    def _start(self) -> Worker:
        """A worker with a number that nobody alive has: its metrics go on in the file of the last
        who had it, so that there are never more files than there were workers at once."""
        taken = {worker.number for worker in self._everybody()}
        number = next(free for free in count(1) if free not in taken)
        worker = Worker(number, self._ledger, self._wake.set)
        task = asyncio.create_task(worker.run(self._listening, self._environ))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return worker

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _begin(self) -> int:
        """Start them all. One that ends before it is ready ends the program: it would again."""
        for _ in range(self._settings.workers):
            self._serving.append(self._start())
        while not self._is_told_to_stop():
            ended = [worker.status for worker in self._serving if worker.has_ended]
            if ended:
                return next((status for status in ended if status and status > 0), 1)
            if all(worker.is_ready for worker in self._serving):
                log.info("all workers are ready")
                return 0
            await self._pause()
        return 0

    def _tend(self) -> None:
        """Look at everybody once."""
        for worker in [one for one in self._everybody() if one.has_ended]:
            self._bury(worker)
        self._kill_who_hangs()
        if signal.SIGHUP in self._signals:
            self._signals = [number for number in self._signals if number != signal.SIGHUP]
            self._outdated = list(self._serving)
            log.info("replacing all workers")
        self._fill()
        self._roll()

    def _bury(self, worker: Worker) -> None:
        metrics_files.forget_present(self._metrics, worker.number)
        if worker in self._retired:
            self._retired.remove(worker)
            return
        log.error("a worker has died: %s", worker.status)
        self._lost += 1
        now = time.monotonic()
        self._failures = 0 if now - worker.started > STEADY_S else self._failures + 1
        self._not_before = now + pause_s(self._failures)
        if worker is self._fresh:
            self._fresh = None
            self._give_up_rolling()
        else:
            self._serving.remove(worker)

    def _kill_who_hangs(self) -> None:
        now = time.monotonic()
        for worker in self._everybody():
            if worker.is_ready and now - worker.heard > SILENT_S:
                log.error("a worker hangs")
                worker.kill(signal.SIGKILL)
            worker.link.say("ping")

    def _fill(self) -> None:
        """Start who is missing, not too often."""
        missing = self._settings.workers - len(self._serving)
        wait_s = self._not_before - time.monotonic()
        if missing and wait_s <= 0:
            self._serving.extend([self._start() for _ in range(missing)])
        elif missing:
            asyncio.get_running_loop().call_later(wait_s, self._wake.set)

    def _roll(self) -> None:
        """One step of replacing workers: the new one is ready before the old one is let go."""
        self._outdated = [worker for worker in self._outdated if worker in self._serving]
        fresh = self._fresh
        if fresh is None:
            self._fresh = self._start() if self._outdated else None
        elif fresh.is_ready:
            self._fresh = None
            self._serving.append(fresh)
            if self._outdated:
                self._retire(self._outdated.pop(0))
            self._wake.set()
        elif time.monotonic() - fresh.started > READY_S:
            fresh.kill(signal.SIGKILL)

    def _retire(self, worker: Worker) -> None:
        self._serving.remove(worker)
        self._retired.append(worker)
        worker.link.say("retire")

    def _give_up_rolling(self) -> None:
        if self._outdated:
            log.error("a new worker does not start: the old ones stay")
        self._outdated = []

    async def _stop(self) -> None:
        """Everybody drains; asked a second time, everybody goes."""
        self._listening.close()
        patience_s = self._settings.settle_seconds + self._settings.drain_seconds + SPARE_S
        deadline = time.monotonic() + patience_s
        self._signals.clear()
        self._order("drain")
        while self._tasks and (left_s := deadline - time.monotonic()) > 0:
            await self._pause(left_s)
            if self._is_told_to_stop():
                self._signals.clear()
                self._order("now")
                deadline = min(deadline, time.monotonic() + HURRY_S)

    def _order(self, *words: object) -> None:
        for worker in self._everybody():
            worker.link.say(*words)

    async def _tell(self) -> None:
        """Let every worker know the counts of the node, for whoever asks it for them."""
        admission = self._ledger.admission
        while True:
            told = (admission.inflight, admission.waiting, len(self._serving), self._lost)
            for worker in self._everybody():
                if worker.is_ready and told != worker.told:
                    worker.told = told
                    worker.link.say("counts", *told)
            await asyncio.sleep(TELL_EVERY_S)


def environment(settings: GatewaySettings, metrics: Path) -> dict[str, str]:
    """What the workers get: ours, and what has to be the same in all of them."""
    shared = {METRICS_FOLDER: str(metrics)}
    if settings.digest_key is None:  # else each would make one, and a client's cache salt with it
        shared["MMHIE_DIGEST_KEY"] = secrets.token_hex(32)
    return {**os.environ, **shared}


def pause_s(failures: int) -> float:
    """How long to wait before the next start, after so many quick deaths in a row."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (failures - 1)) if failures else 0.0
