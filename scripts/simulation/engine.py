"""An engine: vLLM's continuous batching, step by step while prompts are read, else in one leap.

While nothing arrives and nothing ends, every step takes the same time, so the clock jumps to the
step after which something does: the number of events does not grow with the tokens written.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Generator
from typing import Any

import simpy

from scripts.simulation.journey import Journey
from scripts.simulation.pace import Pace

Told = Callable[[Journey], None]
Steps = Generator[simpy.Event, Any, None]
GONE = "gone"


class Engine:
    """`first` and `over` are called with a journey at its first token and at its end."""

    def __init__(self, env: simpy.Environment, number: int, pace: Pace, first: Told, over: Told):
        self.env, self.number, self.pace = env, number, pace
        self.first, self.over = first, over
        self.waiting: deque[Journey] = deque()
        self.reading: list[Journey] = []
        self.running: list[tuple[int, int, Journey]] = []
        self.written = 0  # tokens every sequence has got since the start
        self.order = 0
        self.cache: OrderedDict[int, int] = OrderedDict()
        self.cached = 0
        self.may_be_woken = False
        self.is_alive = True
        self.beside: Pace | None = None
        self.neighbours: list[Engine] = []
        self.process = env.process(self.work())

    @property
    def is_busy(self) -> bool:
        """It reads or writes."""
        return bool(self.running or self.reading)

    @property
    def pace_now(self) -> Pace:
        """Slower where it shares a machine with one that is busy."""
        if self.beside is not None and any(one.is_busy for one in self.neighbours):
            return self.beside
        return self.pace

    def accept(self, journey: Journey) -> None:
        """Queue it, and wake the engine if it can take one."""
        journey.engine, journey.sent_s = self.number, self.env.now
        self.waiting.append(journey)
        if self.may_be_woken and len(self.running) < self.pace.ceiling:
            self.may_be_woken = False
            self.process.interrupt()

    def die(self) -> tuple[list[Journey], list[Journey]]:
        """Stop at once; the streams that are cut, and what had not begun."""
        self.is_alive = False
        self.process.interrupt(GONE)
        begun, waiting = [one for _, _, one in self.running], list(self.waiting)
        reading = [one for one in self.reading if one.first_s == 0.0]
        self.running, self.waiting, self.reading = [], deque(), []
        self.cache.clear()
        self.cached = 0
        return begun, reading + waiting

    def revive(self) -> None:
        """Empty, and at work again."""
        self.is_alive = True
        self.process = self.env.process(self.work())

    def work(self) -> Steps:
        """Read prompts where there are some and a place is free, else write."""
        try:
            while True:
                if self.waiting and len(self.running) < self.pace.ceiling:
                    yield from self.read()
                elif self.running:
                    yield from self.write()
                else:
                    yield from self.idle()
        except simpy.Interrupt:
            return  # only a death gets here

    def idle(self) -> Steps:
        """Until something arrives."""
        self.may_be_woken = True
        try:
            yield self.env.event()
        except simpy.Interrupt as interrupt:
            self.may_be_woken = False
            if interrupt.cause == GONE:
                raise

    def write(self) -> Steps:
        """Steps without prompts: to the next end, or to the end of the step in which one comes."""
        step_s = self.pace_now.steps[len(self.running)]
        count = max(1, self.running[0][0] - self.written) if self.beside is None else 1
        began = self.env.now
        self.may_be_woken = True
        try:
            yield self.env.timeout(count * step_s)
        except simpy.Interrupt as interrupt:
            if interrupt.cause == GONE:
                raise
            count = min(count, int((self.env.now - began) / step_s) + 1)
            yield self.env.timeout(max(0.0, began + count * step_s - self.env.now))
        self.may_be_woken = False
        self.advance(count)

    def read(self) -> Steps:
        """One step, or several for a long prompt: all that fits the budget joins the batch."""
        self.reading = self.taken()
        tokens = sum(one.read for one in self.reading)
        count = max(1, math.ceil(tokens / self.pace.budget))
        batch = len(self.running) + len(self.reading)
        pace = self.pace_now
        seconds = count * pace.steps[batch] + tokens * pace.read_s
        seconds += len(self.reading) * pace.enter_s
        yield self.env.timeout(seconds)
        self.advance(count)
        for journey in self.reading:
            self.join(journey)
        self.reading = []

    def taken(self) -> list[Journey]:
        """From the queue, first come first served, at least one."""
        found: list[Journey] = []
        tokens = 0
        while self.waiting and len(self.running) + len(found) < self.pace.ceiling:
            one = self.waiting[0]
            one.read = self.unread(one)
            tokens += one.read
            if found and tokens > self.pace.budget:
                break
            found.append(self.waiting.popleft())
        return found

    def unread(self, journey: Journey) -> int:
        """Tokens of its prompt that are not in the cache; what it shares is there from now on."""
        call = journey.call
        if call.prefix in self.cache:
            self.cache.move_to_end(call.prefix)
            return max(1, call.tokens_in - call.shared)
        if self.pace.cache_tokens and call.shared:
            self.keep(call.prefix, call.shared)
        return call.tokens_in

    def keep(self, prefix: int, tokens: int) -> None:
        self.cache[prefix] = tokens
        self.cached += tokens
        while self.cached > self.pace.cache_tokens and self.cache:
            self.cached -= self.cache.popitem(last=False)[1]

    def join(self, journey: Journey) -> None:
        """The first token is there; the others take a step each."""
        journey.first_s = self.env.now
        self.first(journey)
        if journey.call.tokens_out <= 1:
            self.end(journey)
            return
        self.order += 1
        ends = self.written + journey.call.tokens_out - 1
        heapq.heappush(self.running, (ends, self.order, journey))

    def advance(self, count: int) -> None:
        """A token for each sequence `count` times; those that are done leave."""
        self.written += count
        while self.running and self.running[0][0] <= self.written:
            self.end(heapq.heappop(self.running)[2])

    def end(self, journey: Journey) -> None:
        journey.last_s = self.env.now
        journey.ending = "whole"
        self.over(journey)
