"""Whether a ready engine still works: requests are running and tokens are being counted."""

from __future__ import annotations

import re
from dataclasses import dataclass

RUNNING = "vllm:num_requests_running"
# Prompt tokens of a long prefill move the second one while no token is generated yet.
COUNTERS = ("vllm:generation_tokens_total", "vllm:iteration_tokens_total_sum")
SAMPLE = re.compile(r"^(?P<name>[\w:]+)(?:\{.*\})? (?P<value>[-+.\deE]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pulse:
    """Requests at work and tokens ever counted, over all engines of a data-parallel group."""

    running: float
    tokens: float


def read(metrics: str) -> Pulse:
    """The pulse in a Prometheus text."""
    sums = dict.fromkeys((RUNNING, *COUNTERS), 0.0)
    for sample in SAMPLE.finditer(metrics):
        if sample["name"] in sums:
            sums[sample["name"]] += float(sample["value"])
    return Pulse(sums[RUNNING], sum(sums[name] for name in COUNTERS))


class Watch:
    """Knows since when the engine has shown no work while it had some, or has not answered; and
    since when no token has proved that it works at all. What vLLM counts as running is what its
    core said last: of one that hangs while it has nothing to do, that it has nothing to do."""

    def __init__(self, stall_s: float, now: float) -> None:
        self._stall_s = stall_s
        self._last: Pulse | None = None
        self._alive = self._proven = now

    def is_stalled(self, pulse: Pulse | None, now: float) -> bool:
        """Take in the latest pulse, None when the engine did not answer."""
        if pulse and (self._last is None or pulse.tokens > self._last.tokens):
            self.prove(now)
        if pulse and pulse.running == 0:
            self._alive = now
        self._last = pulse or self._last
        return now - self._alive >= self._stall_s or now - self._proven >= 2 * self._stall_s

    def is_in_doubt(self, now: float) -> bool:
        """Whether it is time to ask for a token: so long after that, its want is a stall."""
        return now - self._proven >= self._stall_s

    def prove(self, now: float) -> None:
        """A token has come."""
        self._alive = self._proven = now
