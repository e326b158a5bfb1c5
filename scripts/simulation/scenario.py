"""One scenario: the machines, the traffic and the failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.simulation.engine_speed import EngineSpeed
from scripts.simulation.policy import Policy
from scripts.simulation.trace import TracedCall


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
