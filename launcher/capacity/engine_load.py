"""One engine under a steady load: how fast answers come, and what it can take at most.

In a steady state every step writes a token of each of B sequences, and reading the prompts of new
requests takes the share `rate * prompt` of all time. So tokens come every
step(B) / (1 - rate * prompt) seconds, and by Little's law B = rate * tokens_out * that. Solved for
what depends on B alone: rate = B / (tokens_out * step(B) + B * prompt), and tokens come every
step(B) + B * prompt / tokens_out. Both grow with B.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from launcher.capacity import queueing

HALVINGS: Final = 50


@dataclass(frozen=True, slots=True)
class Work:
    """What requests cost one engine: seconds of a step by batch and of a prompt, tokens written."""

    step_s: Callable[[float], float]
    prompt_s: float
    tokens_out: float

    def rate(self, batch: float) -> float:
        """Requests a second at which there are `batch` in it."""
        return batch / (self.tokens_out * self.step_s(max(1.0, batch)) + batch * self.prompt_s)

    def token_s(self, batch: float) -> float:
        """Seconds between two tokens of an answer then."""
        return self.step_s(max(1.0, batch)) + batch * self.prompt_s / self.tokens_out


@dataclass(frozen=True, slots=True)
class Steady:
    """One engine at `rate` requests a second: sequences in its batch, seconds a caller waits."""

    rate: float
    batch: float
    token_s: float
    first_s: float
    answer_s: float


def steady(work: Work, rate: float, ceiling: int) -> Steady | None:
    """The steady state, or None where the batch would outgrow `ceiling`."""
    if work.rate(ceiling) < rate:
        return None
    batch = _largest(lambda batch: work.rate(batch) <= rate, ceiling)
    token_s = work.token_s(batch)
    first_s = _first_s(work, rate, token_s)
    return Steady(rate, batch, token_s, first_s, first_s + (work.tokens_out - 1) * token_s)


def _first_s(work: Work, rate: float, token_s: float) -> float:
    """The rest of the step that is running, the prompts before this one, and its own."""
    waiting = queueing.mg1_wait_s(rate, work.prompt_s)
    return token_s / 2 + waiting + work.prompt_s + work.step_s(1)


def limit(work: Work, ceiling: int, pace_s: float = math.inf) -> float:
    """The highest rate with a steady state in which tokens come at least every `pace_s`."""
    return work.rate(_largest(lambda batch: work.token_s(batch) <= pace_s, ceiling))


def _largest(holds: Callable[[float], bool], ceiling: int) -> float:
    """The largest batch up to `ceiling` of which this holds, as it does of all smaller ones."""
    if holds(ceiling):
        return ceiling
    low, high = 0.0, float(ceiling)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
