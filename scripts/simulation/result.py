"""What a simulation came to, in the figures that are quoted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from scripts.simulation.journey import Journey
from scripts.simulation.service import Outcome


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` of them lie (nearest rank); NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def mean(values: Sequence[float]) -> float:
    """NaN of nothing."""
    return sum(values) / len(values) if values else math.nan


def endings(journeys: Iterable[Journey]) -> dict[str, int]:
    """How many ended how; those that had not are `inside`."""
    return dict(Counter(one.ending or "inside" for one in journeys))


def figures(outcome: Outcome, since_s: float = 0.0, until_s: float = math.inf) -> dict[str, Any]:
    """Over the calls that came in this time and were answered."""
    came = [one for one in outcome.journeys if since_s <= one.asked_s < until_s]
    whole = [one for one in came if one.ending == "whole"]
    firsts = [one.to_first_s for one in whole]
    answers = [one.last_s - one.asked_s for one in whole]
    paces = [one.token_s for one in whole if one.call.tokens_out > 1]
    read = sum(one.read for one in whole)
    return {
        "calls": len(came),
        **endings(came),
        "first_mean_s": mean(firsts),
        "first_p50_s": percentile(firsts, 0.5),
        "first_p99_s": percentile(firsts, 0.99),
        "answer_mean_s": mean(answers),
        "answer_p99_s": percentile(answers, 0.99),
        "token_mean_s": mean(paces),
        "token_p99_s": percentile(paces, 0.99),
        "read_share": read / max(1, sum(one.call.tokens_in for one in whole)),
    }


def by_second(outcome: Outcome, share: float) -> list[tuple[int, float]]:
    """A percentile of the time to the first token, by the second in which the call came."""
    groups: dict[int, list[float]] = {}
    for one in outcome.journeys:
        if one.ending == "whole":
            groups.setdefault(int(one.asked_s), []).append(one.to_first_s)
    return [(second, percentile(groups[second], share)) for second in sorted(groups)]
