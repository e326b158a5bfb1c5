"""Requests: the times at which each passed the components, its outcome, and figures of many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scripts.simulation.scenario import TracedCall

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

    def end(self, ending: Ending, now: float) -> None:
        """Record the outcome."""
        self.ending, self.last_s = ending, now


def percentile(values: Iterable[float], share: float) -> float:
    """Return the percentile by nearest rank; NaN without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def endings(requests: Iterable[SimulatedRequest]) -> dict[str, int]:
    """Count requests by outcome; those in progress are `inside`."""
    return dict(Counter(request.ending or "inside" for request in requests))


def figures(
    requests: Sequence[SimulatedRequest], since_s: float = 0.0, until_s: float = math.inf
) -> dict[str, Any]:
    """Summarize the requests that arrived in this time and were answered."""
    came = [request for request in requests if since_s <= request.arrived_s < until_s]
    whole = [request for request in came if request.ending == "whole"]
    firsts = [request.ttft_s for request in whole]
    gaps = [request.tpot_s for request in whole if request.call.tokens_out > 1]
    read = sum(request.prefilled for request in whole)
    return {
        **endings(came),
        "first_p50_s": percentile(firsts, 0.5),
        "first_p99_s": percentile(firsts, 0.99),
        "token_p99_s": percentile(gaps, 0.99),
        "read_share": read / max(1, sum(request.call.tokens_in for request in whole)),
    }


def by_second(requests: Sequence[SimulatedRequest], share: float) -> list[tuple[int, float]]:
    """Return a percentile of the time to the first token by second of arrival."""
    groups: dict[int, list[float]] = {}
    for request in requests:
        if request.ending == "whole":
            groups.setdefault(int(request.arrived_s), []).append(request.ttft_s)
    return [(second, percentile(groups[second], share)) for second in sorted(groups)]
