"""One request: the times at which it passed each component, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scripts.simulation.trace import TracedCall

Ending = Literal["", "whole", "cut", "lost"]


@dataclass(slots=True, eq=False)
class SimulatedRequest:
    """Times in simulated seconds; `ending` is empty while the request is in progress.

    whole: answered; cut: its engine failed after the first token; lost: the router found no engine
    (503).
    """

    call: TracedCall
    arrived_s: float
    gateway: int = 0
    router: int = 0
    engine: int = -1
    dispatched_s: float = 0.0
    first_s: float = 0.0
    last_s: float = 0.0
    prefilled: int = 0
    relay_load: float = 0.0
    ending: Ending = ""

    @property
    def ttft_s(self) -> float:
        """Time to the first token."""
        return self.first_s - self.arrived_s

    @property
    def tpot_s(self) -> float:
        """Mean time per output token after the first."""
        return (self.last_s - self.first_s) / max(1, self.call.tokens_out - 1)
