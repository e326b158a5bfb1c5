"""How fast an engine of the simulation is: from the roofline of a GPU, or from a measured one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from launcher.capacity.roofline import Speed


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of a step by batch (index 0 unused), of reading one token of a prompt.

    `enter_s` is what each new request adds to its step whatever its length, `entry_s` what passes
    before an engine knows of it. `budget` is the tokens of prompts that one step reads, `ceiling`
    the sequences at once, `cache_tokens` what is left of the KV cache for prompts that were read
    before.
    """

    steps: tuple[float, ...]
    read_s: float
    budget: int
    enter_s: float = 0.0
    entry_s: float = 0.0
    cache_tokens: int = 0

    @property
    def ceiling(self) -> int:
        """Sequences an engine holds at once."""
        return len(self.steps) - 1


def of_speed(speed: Speed, ceiling: int, tokens_in: int, tokens_out: int, cache: int = 0) -> Pace:
    """A planned engine, its sequences at the middle of their answers."""
    middle = tokens_in + tokens_out / 2
    return Pace(
        steps=_table(lambda batch: speed.step_s(batch, middle), ceiling),
        read_s=speed.prompt_s(tokens_in) / tokens_in,
        budget=8192
        if speed.card.memory_gib >= 70 and speed.card.compute_capability >= (9, 0)
        else 2048,
        cache_tokens=cache,
    )


def of_record(one: Mapping[str, Any], ceiling: int, chunk_s: float = 0.0) -> Pace:
    """A measured engine: steps between the batches that were tried, a straight line for prompts.

    `chunk_s` is processor time that the chunk of each token takes from the engine. A caller waits
    for half a step and for its prompt's; what it waited beyond that is the way there and back.
    """
    tried = [(row["batch"], row["step_s"]) for row in one["steps"]]
    read_s, held_s = _line([(row["tokens_in"], row["held_s"]) for row in one["among"]])
    steps = _table(lambda batch: _between(tried, batch) + batch * chunk_s, ceiling)
    step_s = steps[one["written"] + 1]
    way_s = [row["first_s"] - row["held_s"] - step_s / 2 for row in one["among"]]
    return Pace(
        steps,
        read_s,
        budget=2048,
        enter_s=max(0.0, held_s - step_s),
        entry_s=max(0.0, sum(way_s) / len(way_s)),
    )


def of_neighbour(record: Mapping[str, Any], ceiling: int, chunk_s: float = 0.0) -> Pace:
    """The same while another engine on its machine is at work: prompts slow down as steps do."""
    alone = of_record(record["alone"], ceiling, chunk_s)
    tried = [(row["batch"], row["step_s"]) for row in record["beside"]["steps"]]
    slower = sum(step_s for _, step_s in tried) / sum(
        row["step_s"] for row in record["alone"]["steps"]
    )
    return replace(
        alone,
        steps=_table(lambda batch: _between(tried, batch) + batch * chunk_s, ceiling),
        read_s=alone.read_s * slower,
        enter_s=alone.enter_s * slower,
    )


def _table(step_s: Callable[[int], float], ceiling: int) -> tuple[float, ...]:
    return (0.0, *(step_s(batch) for batch in range(1, ceiling + 1)))


def _between(points: Sequence[tuple[float, float]], at: float) -> float:
    """Linear between neighbours, and on along the last pair."""
    pairs = list(pairwise(points))
    (x0, y0), (x1, y1) = next((pair for pair in pairs if at <= pair[1][0]), pairs[-1])
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and intercept by least squares."""
    count = len(points)
    mean_x, mean_y = (sum(column) / count for column in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return slope, mean_y - slope * mean_x
