"""Synthetic traces: arrival times and token counts of requests, from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TracedCall:
    """One call of the trace: arrival time (s), client and token counts.

    `prefix` identifies what it shares with other calls (a system message, a conversation),
    `shared` is the number of input tokens in it.
    """

    at_s: float
    tokens_in: int
    tokens_out: int
    client: int = 0
    prefix: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Distribution of the traffic: mean tokens in and out, and shared prefixes.

    Output lengths are geometric (an end-of-text token drawn at every step), at most four times the
    mean; input lengths are uniform within half of the mean either way.
    """

    tokens_in: int
    tokens_out: int
    clients: int = 1000
    conversations: int = 1
    shared: int = 0


def poisson_arrivals(rate: float, seconds: float, traffic: Traffic, seed: int) -> list[TracedCall]:
    """Draw the calls of a Poisson process of `rate` per second."""
    draw = random.Random(seed)  # noqa: S311  # a simulation has to be repeatable
    calls, now = [], draw.expovariate(rate)
    while now < seconds:
        calls.append(_call(now, traffic, draw))
        now += draw.expovariate(rate)
    return calls


def _call(now: float, traffic: Traffic, draw: random.Random) -> TracedCall:
    client = draw.randrange(traffic.clients)
    talk = draw.randrange(traffic.conversations)
    return TracedCall(
        at_s=now,
        tokens_in=traffic.shared + _around(traffic.tokens_in, draw),
        tokens_out=_geometric(traffic.tokens_out, draw),
        client=client,
        prefix=client * traffic.conversations + talk,
        shared=traffic.shared,
    )


def _around(mean: int, draw: random.Random) -> int:
    return max(1, round(mean * draw.uniform(0.5, 1.5)))


def _geometric(mean: int, draw: random.Random) -> int:
    return min(4 * mean, 1 + int(draw.expovariate(1 / max(1, mean - 0.5))))
