"""A worker's side of the counts: the interfaces of `gateway.access`, answered by the parent."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count

from gateway.errors import Draining, GatewayError, QueueTimeout, TooBusy
from gateway.limits.admission import Slot
from gateway.limits.rate_limiter import Release, nothing
from gateway.principal import NO_LIMITS, Principal, Priority
from gateway.workers.json_line_channel import Words

REFUSALS: dict[str, type[GatewayError]] = {one.code: one for one in (TooBusy, QueueTimeout)}
Say = Callable[..., None]


class RpcClient:
    """Questions to the parent that wait for their answer."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._abandoned: dict[int, Callable[[], None]] = {}
        self._is_lost = False

    async def ask(self, word: str, *rest: object, undo: Callable[[], None]) -> None:
        """Return when it is granted; raises what the parent refused it with.

        When nobody waits for it any more, `undo` is called with the grant that still came.
        """
        if self._is_lost:
            raise orphaned()
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.say(word, number, *rest)
        try:
            await answer
        except asyncio.CancelledError:
            if self._asked.pop(number, None) is None:  # granted in the same moment
                undo()
            else:
                self._abandoned[number] = undo
                self.say("give_up", number)
            raise

    def answered(self, number: int, *refusal: object) -> None:
        """Hear an answer."""
        asked = self._asked.pop(number, None)
        undo = self._abandoned.pop(number, None)
        if asked is None:
            if undo is not None and not refusal:
                undo()
        elif refusal:
            asked.set_exception(refused(*refusal))
        else:
            asked.set_result(None)

    def lost(self) -> None:
        """The parent is gone: whoever waits for it is told so."""
        self._is_lost = True
        for asked in self._asked.values():
            asked.set_exception(orphaned())
        self._asked.clear()


def orphaned() -> Draining:
    return Draining("This gateway is stopping; send the request again.", retry_after_s=1)


def refused(code: object, message: object, retry_after_s: object) -> GatewayError:
    return REFUSALS[str(code)](str(message), retry_after_s=retry_after_s)  # type: ignore[arg-type] # a number or none, as the parent had it


class RemoteRateLimiter:
    """Counts what clients use, with the parent."""

    def __init__(self, asking: RpcClient) -> None:
        self._asking = asking

    async def enter(self, client: Principal) -> Release:
        """Count a request in; raises TooBusy. Who has no limits is not counted."""
        if client.limits == NO_LIMITS:
            return nothing
        words = told(client)
        await self._asking.ask("open", *words, undo=partial(self._leave, words, tokens=0))
        return partial(self._leave, words)

    def _leave(self, words: Words, *, tokens: int) -> None:
        self._asking.say("close", tokens, *words)


def told(client: Principal) -> Words:
    limits = client.limits
    return [
        client.name,
        client.kind,
        limits.concurrency,
        limits.requests_per_minute,
        limits.tokens_per_minute,
    ]


class RemoteAdmissionQueue:
    """The node's places and its queue, kept by the parent; the counts are as it last told them."""

    def __init__(self, asking: RpcClient, *, places: int, queue: int) -> None:
        self.places = places
        self.queue = queue
        self.inflight = 0
        self.waiting = 0
        self._asking = asking

    def turn(self, priority: Priority) -> Slot:
        """A place for one request of a class."""
        return Slot(self, priority)

    async def enter(self, priority: Priority) -> None:
        """Take a place; raises TooBusy or QueueTimeout."""
        await self._asking.ask("enter", priority, undo=self.leave)

    def leave(self) -> None:
        """Give a place back."""
        self._asking.say("leave")
