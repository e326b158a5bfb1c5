"""Speed of a simulated engine: from the roofline of a GPU, or from a measured engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import linear_regression
from typing import Any

from launcher.capacity.roofline import Speed


@dataclass(frozen=True, slots=True)
class EngineSpeed:
    """Seconds of a decode step by batch size (index 0 unused), and of the prefill of one token.

    `request_s` is the fixed cost that each new request adds to its step, `latency_s` the time
    before a request reaches the engine. `budget` is the prefill tokens of one step, `max_batch` the
    sequences at once, `cache_tokens` the part of the KV cache that is left for cached prefixes.
    """

    steps: tuple[float, ...]
    read_s: float
    budget: int
    request_s: float = 0.0
    latency_s: float = 0.0
    cache_tokens: int = 0

    @property
    def max_batch(self) -> int:
        """Sequences in a batch at most."""
        return len(self.steps) - 1


def from_roofline(
    speed: Speed, max_batch: int, tokens_in: int, tokens_out: int, cache: int = 0
) -> EngineSpeed:
    """Return the speed of a planned engine, with all sequences in the middle of their answers."""
    middle = tokens_in + tokens_out / 2
    return EngineSpeed(
        steps=_table(lambda batch: speed.step_s(batch, middle), max_batch),
        read_s=speed.prompt_s(tokens_in) / tokens_in,
        budget=8192
        if speed.card.memory_gib >= 70 and speed.card.compute_capability >= (9, 0)
        else 2048,
        cache_tokens=cache,
    )


def from_record(one: Mapping[str, Any], max_batch: int, chunk_s: float = 0.0) -> EngineSpeed:
    """Return the speed of a measured engine: steps are interpolated, prefill is a linear fit.

    `chunk_s` is the CPU time of each token's chunk that is taken from the engine. A caller waits
    for half a step and for its prefill; the rest of its wait is latency.
    """
    tokens, delays = zip(*((row["tokens_in"], row["held_s"]) for row in one["among"]), strict=True)
    read_s, held_s = linear_regression(tokens, delays)
    steps = _measured_steps(one["steps"], max_batch, chunk_s)
    step_s = steps[one["written"] + 1]
    way_s = [row["first_s"] - row["held_s"] - step_s / 2 for row in one["among"]]
    return EngineSpeed(
        steps,
        read_s,
        budget=2048,
        request_s=max(0.0, held_s - step_s),
        latency_s=max(0.0, sum(way_s) / len(way_s)),
    )


def from_contended_record(
    record: Mapping[str, Any], max_batch: int, chunk_s: float = 0.0
) -> EngineSpeed:
    """Return the same while another engine on its machine is busy: prefill slows as steps do."""
    alone = from_record(record["alone"], max_batch, chunk_s)
    beside_s, alone_s = (
        sum(row["step_s"] for row in record[name]["steps"]) for name in ("beside", "alone")
    )
    slower = beside_s / alone_s
    return replace(
        alone,
        steps=_measured_steps(record["beside"]["steps"], max_batch, chunk_s),
        read_s=alone.read_s * slower,
        request_s=alone.request_s * slower,
    )


def _table(step_s: Callable[[int], float], max_batch: int) -> tuple[float, ...]:
    return (0.0, *(step_s(batch) for batch in range(1, max_batch + 1)))


def _measured_steps(
    rows: Sequence[Mapping[str, float]], max_batch: int, chunk_s: float
) -> tuple[float, ...]:
    """Interpolate linearly, and extrapolate along the last pair."""
    pairs = list(pairwise((row["batch"], row["step_s"]) for row in rows))

    def step_s(batch: int) -> float:
        (x0, y0), (x1, y1) = next((pair for pair in pairs if batch <= pair[1][0]), pairs[-1])
        return y0 + (y1 - y0) * (batch - x0) / (x1 - x0) + batch * chunk_s

    return _table(step_s, max_batch)
