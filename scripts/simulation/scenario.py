"""One thing to simulate: the machines, the traffic, and what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.simulation.pace import Pace
from scripts.simulation.policy import Policy
from scripts.simulation.trace import Call


@dataclass(frozen=True, slots=True)
class Failure:
    """A rack: engines `first` to `first + count - 1` are gone at `at_s` and back `away_s` later.

    The routers know after `notice_s` that they are gone, after `found_s` that they are back.
    `is_silent`: the network is gone too, so what is sent there hangs until it is noticed, and open
    streams end when the gateway's idle timeout ends them; else a dead process refuses at once. A
    caller whose stream was cut asks again after `again_s`.
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
    """`until_s` ends it; calls that are inside then are counted as such.

    `beside` is the pace of an engine while another is at work, where all share one machine.
    """

    pace: Pace
    engines: int
    calls: Sequence[Call] = field(repr=False)
    until_s: float
    policy: Policy = "power_of_two"
    gateways: int = 1
    workers: int = 4
    routers: int = 1
    max_inflight: int = 1_000_000
    max_queue: int = 256
    failure: Failure | None = None
    beside: Pace | None = None
    seed: int = 1
