"""The supervisor's side of the quotas that all workers draw on."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial

from gateway.errors import GatewayError, InternalError
from gateway.limits.admission import LocalAdmissionQueue
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.principal import Kind, Limits, Principal, Priority
from gateway.processes.json_line_channel import Message, Send
from gateway.runtime.log import log


class QuotaBroker:
    """One worker's draws on the node's quotas; all of them are returned when the worker ends.

    A call is `[command, number, ...]` and its reply `[number]` when it is granted, or
    `[number, code, message, retry_after_s]`. A grant that arrives when nobody waits for it any
    more is returned by the worker.
    """

    def __init__(
        self, limiter: LocalRateLimiter, admission: LocalAdmissionQueue, send: Send
    ) -> None:
        self._limiter = limiter
        self._admission = admission
        self._send = send
        self._open: Counter[Principal] = Counter()
        self._slots = 0
        self._is_closed = False
        self._waiting: dict[int, asyncio.Task[None]] = {}
        self._commands: dict[str, Callable[..., None]] = {
            "acquire_rate": self._acquire_rate,
            "release_rate": self._release_rate,
            "acquire_slot": self._acquire_slot,
            "cancel_slot": self._cancel_slot,
            "release_slot": self._release_slot,
        }

    def handle(self, message: Message) -> None:
        """Run a command of the worker."""
        self._commands[message[0]](*message[1:])

    def close(self) -> None:
        """Return everything: the worker has ended."""
        self._is_closed = True
        for task in self._waiting.values():
            task.cancel()
        for principal, times in self._open.items():
            for _ in range(times):
                self._limiter.release(principal, tokens=0)
        for _ in range(self._slots):
            self._admission.release()
        self._open.clear()
        self._slots = 0

    def _acquire_rate(self, number: int, *fields: object) -> None:
        principal = principal_of(*fields)
        try:
            self._limiter.try_acquire(principal)
        except GatewayError as error:
            self._refuse(number, error)
            return
        self._open[principal] += 1
        self._send(number)

    def _release_rate(self, tokens: int, *fields: object) -> None:
        principal = principal_of(*fields)
        self._open[principal] -= 1
        self._limiter.release(principal, tokens=tokens)

    def _acquire_slot(self, number: int, priority: Priority) -> None:
        try:
            if self._admission.try_acquire(priority):
                self._grant(number)
                return
        except GatewayError as error:
            self._refuse(number, error)
            return
        task = asyncio.create_task(self._admission.wait(priority))
        self._waiting[number] = task
        task.add_done_callback(partial(self._waited, number))

    def _waited(self, number: int, task: asyncio.Task[None]) -> None:
        del self._waiting[number]
        if task.cancelled():
            self._send(number, "cancelled", "", None)
            return
        error = task.exception()
        if error is None:
            self._grant(number)
        elif isinstance(error, GatewayError):
            self._refuse(number, error)
        else:
            log.error("waiting for a slot failed", exc_info=error)
            self._refuse(number, InternalError("The gateway failed; this was logged."))

    def _grant(self, number: int) -> None:
        if self._is_closed:
            self._admission.release()
            return
        self._slots += 1
        self._send(number)

    def _cancel_slot(self, number: int) -> None:
        task = self._waiting.get(number)
        if task is not None:
            task.cancel()

    def _release_slot(self) -> None:
        self._slots -= 1
        self._admission.release()

    def _refuse(self, number: int, error: GatewayError) -> None:
        self._send(number, error.code, error.message, error.retry_after_s)


@lru_cache(maxsize=10_000)
def principal_of(name: str, kind: Kind, *limits: int | None) -> Principal:
    """Return a principal as far as the limiter has to know it."""
    return Principal(name, kind, frozenset(), limits=Limits(*limits))
