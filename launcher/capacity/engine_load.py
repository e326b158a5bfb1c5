"""One engine under a steady load: how fast answers come, and what it can take at most.

In a steady state every step writes a token of each of B sequences, and reading the prompts of new
requests takes the share `rate * prompt` of all time. So tokens come every
step(B) / (1 - rate * prompt) seconds, and by Little's law B = rate * tokens_out * that. Solved for
what depends on B alone: rate = B / (tokens_out * step(B) + B * prompt), and tokens come every
step(B) + B * prompt / tokens_out. Both grow with B.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HALVINGS: Final = 50


@dataclass(frozen=True, slots=True)
class RequestCost:
    """The cost of requests to one engine: seconds of a step by batch and of a prompt, tokens."""

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
class SteadyState:
    """One engine at `rate` requests a second: sequences in its batch, seconds a caller waits."""

    rate: float
    batch: float
    token_s: float
    ttft_s: float
    answer_s: float


def steady_state(cost: RequestCost, rate: float, max_sequences: int) -> SteadyState | None:
    """The steady state, or None where the batch would outgrow `max_sequences`."""
    if cost.rate(max_sequences) < rate:
        return None
    batch = _largest(lambda batch: cost.rate(batch) <= rate, max_sequences)
    token_s = cost.token_s(batch)
    # the rest of the step that is running, the prompts before this one, and its own
    ttft_s = token_s / 2 + mg1_wait_s(rate, cost.prompt_s) + cost.prompt_s + cost.step_s(1)
    return SteadyState(rate, batch, token_s, ttft_s, ttft_s + (cost.tokens_out - 1) * token_s)


def limit(cost: RequestCost, max_sequences: int, inter_token_s: float = math.inf) -> float:
    """The highest rate with a steady state in which tokens come at least every `inter_token_s`."""
    return cost.rate(_largest(lambda batch: cost.token_s(batch) <= inter_token_s, max_sequences))


def _largest(holds: Callable[[float], bool], max_sequences: int) -> float:
    """The largest batch up to `max_sequences` of which this holds, as of all smaller ones."""
    if holds(max_sequences):
        return max_sequences
    low, high = 0.0, float(max_sequences)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def mg1_wait_s(rate: float, service_s: float, variation: float = 0.0) -> float:
    """Mean wait in M/G/1 (Pollaczek-Khinchine); infinite where it never settles.

    `variation` is the squared coefficient of variation: 0 for M/D/1, 1 for M/M/1.
    """
    utilization = rate * service_s
    if utilization >= 1:
        return math.inf
    return utilization * service_s * (1 + variation) / (2 * (1 - utilization))
