"""One scenario: the machines, the failure, and the calls, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from scripts.simulation.engine_speed import EngineSpeed

Policy = Literal["random", "round_robin", "power_of_two", "consistent_hash", "cache_aware"]


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
        client, talk = draw.randrange(traffic.clients), draw.randrange(traffic.conversations)
        prefix = client * traffic.conversations + talk
        tokens_in = traffic.shared + max(1, round(traffic.tokens_in * draw.uniform(0.5, 1.5)))
        drawn = 1 + int(draw.expovariate(1 / max(1, traffic.tokens_out - 0.5)))
        tokens_out = min(4 * traffic.tokens_out, drawn)
        calls.append(TracedCall(now, tokens_in, tokens_out, client, prefix, traffic.shared))
        now += draw.expovariate(rate)
    return calls


@dataclass(frozen=True, slots=True)
class Failure:
    """Failure of a rack: engines `first` to `first + count - 1` fail at `at_s`, for `away_s`.

    The routers detect the failure after `notice_s`, the recovery after `found_s`. `is_silent`: the
    network fails too, so requests hang until the failure is detected, and open streams end by the
    gateway's idle timeout; else connections are refused at once. A caller whose stream was cut
    retries after `again_s`.
    """

    at_s: float
    first: int
    count: int
    away_s: float
    notice_s: float = 1.0
    found_s: float = 1.0
    is_silent: bool = False
    idle_timeout_s: float = 30.0
    again_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """All inputs of a simulation, which ends at `until_s`.

    `contended` is the speed of an engine while another is busy, where all share one machine.
    """

    speed: EngineSpeed
    engines: int
    calls: Sequence[TracedCall] = field(repr=False)
    until_s: float
    policy: Policy = "power_of_two"
    gateways: int = 1
    workers: int = 4
    routers: int = 1
    failure: Failure | None = None
    contended: EngineSpeed | None = None
    seed: int = 1
