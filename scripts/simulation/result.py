"""Metrics of a simulation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from scripts.simulation.request import SimulatedRequest
from scripts.simulation.service import SimulatedRun


def percentile(values: Iterable[float], share: float) -> float:
    """Return the percentile by nearest rank; NaN without values."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def endings(requests: Iterable[SimulatedRequest]) -> dict[str, int]:
    """Count requests by outcome; those in progress are `inside`."""
    return dict(Counter(request.ending or "inside" for request in requests))


def figures(
    outcome: SimulatedRun, since_s: float = 0.0, until_s: float = math.inf
) -> dict[str, Any]:
    """Summarize the requests that arrived in this time and were answered."""
    came = [request for request in outcome.requests if since_s <= request.arrived_s < until_s]
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


def by_second(outcome: SimulatedRun, share: float) -> list[tuple[int, float]]:
    """Return a percentile of the time to the first token by second of arrival."""
    groups: dict[int, list[float]] = {}
    for request in outcome.requests:
        if request.ending == "whole":
            groups.setdefault(int(request.arrived_s), []).append(request.ttft_s)
    return [(second, percentile(groups[second], share)) for second in sorted(groups)]
