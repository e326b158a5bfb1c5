"""The parent's side of the counts: one limiter and one queue for all workers of the node."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial

from gateway.errors import GatewayError
from gateway.limits.admission import Admission
from gateway.limits.rate_limiter import LocalRateLimiter
from gateway.principal import Kind, Limits, Principal, Priority
from gateway.workers.json_line_channel import Words


class QuotaBroker:
    """What every worker draws on."""

    def __init__(self, limiter: LocalRateLimiter, admission: Admission) -> None:
        self.limiter = limiter
        self.admission = admission

    def account(self, say: Callable[..., None]) -> "Account":
        """A new worker's account."""
        return Account(self, say)


class Account:
    """What one worker has drawn; all of it comes back when the worker is gone, however it went.

    A number in a request is the worker's own, for the answer: `[number]` grants, with words after
    it it refuses. What the worker no longer waits for it returns itself when the grant arrives.
    """

    def __init__(self, ledger: QuotaBroker, say: Callable[..., None]) -> None:
        self._limiter = ledger.limiter
        self._admission = ledger.admission
        self._say = say
        self._open: Counter[Principal] = Counter()
        self._places = 0
        self._settled = False
        self._waiting: dict[int, asyncio.Task[None]] = {}
        self._acts: dict[str, Callable[..., None]] = {
            "open": self._count_in,
            "close": self._count_out,
            "enter": self._enter,
            "give_up": self._give_up,
            "leave": self._leave,
        }

    def hear(self, words: Words) -> None:
        """Do what a line from the worker asks for."""
        self._acts[words[0]](*words[1:])

    def settle(self) -> None:
        """Return everything: the worker is gone."""
        self._settled = True
        for task in self._waiting.values():
            task.cancel()
        for client, times in self._open.items():
            for _ in range(times):
                self._limiter.leave(client, tokens=0)
        for _ in range(self._places):
            self._admission.leave()
        self._open.clear()
        self._places = 0

    def _count_in(self, number: int, *client: object) -> None:
        who = client_of(*client)
        try:
            self._limiter.count_in(who)
        except GatewayError as error:
            self._refuse(number, error)
            return
        self._open[who] += 1
        self._say(number)

    def _count_out(self, tokens: int, *client: object) -> None:
        who = client_of(*client)
        self._open[who] -= 1
        self._limiter.leave(who, tokens=tokens)

    def _enter(self, number: int, priority: Priority) -> None:
        try:
            if self._admission.enter_now(priority):
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
            self._say(number, "given_up", "", None)
        elif isinstance(error := task.exception(), GatewayError):
            self._refuse(number, error)
        else:
            self._grant(number)

    def _grant(self, number: int) -> None:
        if self._settled:
            self._admission.leave()
            return
        self._places += 1
        self._say(number)

    def _give_up(self, number: int) -> None:
        task = self._waiting.get(number)
        if task is not None:
            task.cancel()

    def _leave(self) -> None:
        self._places -= 1
        self._admission.leave()

    def _refuse(self, number: int, error: GatewayError) -> None:
        self._say(number, error.code, error.message, error.retry_after_s)


@lru_cache(maxsize=10_000)
def client_of(name: str, kind: Kind, *limits: int | None) -> Principal:
    """A caller as the limiter needs to know it."""
    return Principal(name, kind, frozenset(), limits=Limits(*limits))
