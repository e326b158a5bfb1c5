"""Engine with vLLM's continuous batching: single steps during prefill, one jump during decode.

While no request arrives or ends, every decode step takes the same time, so the clock jumps to the
step after which one does: the number of events does not grow with the tokens generated.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Generator
from typing import Any

import simpy

from scripts.simulation.engine_speed import EngineSpeed
from scripts.simulation.request import SimulatedRequest

OnProgress = Callable[[SimulatedRequest], None]
Steps = Generator[simpy.Event, Any, Any]


class SimulatedEngine:
    """One engine; `on_first_token` and `on_end` are called with each request."""

    def __init__(
        self,
        env: simpy.Environment,
        number: int,
        speed: EngineSpeed,
        on_first_token: OnProgress,
        on_end: OnProgress,
    ):
        self.env, self.number, self.speed = env, number, speed
        self.on_first_token, self.on_end = on_first_token, on_end
        self.contended: EngineSpeed | None = None
        self.neighbours: list[SimulatedEngine] = []
        self.decoded = 0  # tokens per sequence since the start
        self.sequence = 0
        self.is_interruptible = False
        self.clear()
        self.restart()

    def clear(self) -> None:
        """Forget all requests and cached prefixes."""
        self.waiting: deque[SimulatedRequest] = deque()
        self.prefilling: list[SimulatedRequest] = []
        self.running: list[tuple[int, int, SimulatedRequest]] = []
        self.cache: OrderedDict[int, int] = OrderedDict()
        self.cached = 0

    def restart(self) -> None:
        """Start, empty."""
        self.is_alive = True
        self.process = self.env.process(self.work())

    @property
    def current_speed(self) -> EngineSpeed:
        """The speed now: lower while a neighbour on the same machine has a request in progress."""
        if self.contended and any(other.running or other.prefilling for other in self.neighbours):
            return self.contended
        return self.speed

    def accept(self, request: SimulatedRequest) -> None:
        """Queue a request, and wake the engine if it has room."""
        request.engine, request.dispatched_s = self.number, self.env.now
        self.waiting.append(request)
        if self.is_interruptible and len(self.running) < self.speed.max_batch:
            self.is_interruptible = False
            self.process.interrupt()

    def fail(self) -> tuple[list[SimulatedRequest], list[SimulatedRequest]]:
        """Stop at once; return the requests whose streams are cut, and those that had not begun."""
        self.is_alive = False
        self.process.interrupt()
        begun = [request for _, _, request in self.running]
        prefilling = [request for request in self.prefilling if request.first_s == 0.0]
        waiting = [*prefilling, *self.waiting]
        self.clear()
        return begun, waiting

    def work(self) -> Steps:
        """Run the scheduler: prefill if requests wait and the batch has room, else decode."""
        try:
            while True:
                if self.waiting and len(self.running) < self.speed.max_batch:
                    yield from self.prefill()
                elif self.running:
                    yield from self.decode()
                else:
                    yield from self.pause(self.env.event())
        except simpy.Interrupt:
            return  # only a failure gets here

    def pause(self, event: simpy.Event) -> Steps:
        """Wait for an event, or for a request; return whether a request came first."""
        self.is_interruptible = True
        try:
            yield event
        except simpy.Interrupt:
            if not self.is_alive:
                raise
            return True
        self.is_interruptible = False
        return False

    def decode(self) -> Steps:
        """Decode until a request ends, or until the end of the step in which one arrives."""
        step_s = self.current_speed.steps[len(self.running)]
        count = max(1, self.running[0][0] - self.decoded) if self.contended is None else 1
        began = self.env.now
        if (yield from self.pause(self.env.timeout(count * step_s))):
            count = min(count, int((self.env.now - began) / step_s) + 1)
            yield self.env.timeout(max(0.0, began + count * step_s - self.env.now))
        self.step(count)

    def prefill(self) -> Steps:
        """Prefill the waiting requests that fit the budget; a long prompt takes several steps."""
        self.prefilling = self.next_batch()
        tokens = sum(request.prefilled for request in self.prefilling)
        count = max(1, math.ceil(tokens / self.speed.budget))
        batch = len(self.running) + len(self.prefilling)
        speed = self.current_speed
        seconds = count * speed.steps[batch] + tokens * speed.read_s
        seconds += len(self.prefilling) * speed.request_s
        yield self.env.timeout(seconds)
        self.step(count)
        for request in self.prefilling:
            self.start_decoding(request)
        self.prefilling = []

    def next_batch(self) -> list[SimulatedRequest]:
        """Take requests from the queue, first come first served, at least one."""
        batch: list[SimulatedRequest] = []
        tokens = 0
        while self.waiting and len(self.running) + len(batch) < self.speed.max_batch:
            request = self.waiting[0]
            request.prefilled = self.uncached_tokens(request)
            tokens += request.prefilled
            if batch and tokens > self.speed.budget:
                break
            batch.append(self.waiting.popleft())
        return batch

    def uncached_tokens(self, request: SimulatedRequest) -> int:
        """Return the prompt tokens missing from the prefix cache, and cache the shared prefix."""
        call = request.call
        if call.prefix in self.cache:
            self.cache.move_to_end(call.prefix)
            return max(1, call.tokens_in - call.shared)
        if self.speed.cache_tokens and call.shared:
            self.cache[call.prefix] = call.shared
            self.cached += call.shared
            while self.cached > self.speed.cache_tokens:
                self.cached -= self.cache.popitem(last=False)[1]
        return call.tokens_in

    def start_decoding(self, request: SimulatedRequest) -> None:
        """Record the first token, and add the request to the batch."""
        request.first_s = self.env.now
        self.on_first_token(request)
        if request.call.tokens_out <= 1:
            self.finish(request)
            return
        self.sequence += 1
        ends = self.decoded + request.call.tokens_out - 1
        heapq.heappush(self.running, (ends, self.sequence, request))

    def step(self, count: int) -> None:
        """Decode `count` tokens for each sequence, and remove those that are complete."""
        self.decoded += count
        while self.running and self.running[0][0] <= self.decoded:
            self.finish(heapq.heappop(self.running)[2])

    def finish(self, request: SimulatedRequest) -> None:
        request.end("whole", self.env.now)
        self.on_end(request)
