"""Routing policies of vLLM's router, as far as they act on load."""

from __future__ import annotations

import bisect
import hashlib
import random
from collections.abc import Callable
from typing import Final

from scripts.simulation.scenario import Policy, TracedCall

# Defaults of vllm-router 0.1.17.
BALANCE_DIFFERENCE: Final = 64
BALANCE_RATIO: Final = 1.5
CACHE_SHARE: Final = 0.3
POINTS: Final = 64


class View:
    """State of one router: its own requests at each engine, and the engines it believes healthy."""

    def __init__(self, engines: int, seed: int) -> None:
        self.loads = [0] * engines
        self.alive = list(range(engines))
        self.living = set(self.alive)
        self.draw = random.Random(seed)  # noqa: S311  # repeatable
        self.next_index = self.draw.randrange(engines)
        self.ring = sorted(
            (_hash(f"{engine}/{point}"), engine)
            for engine in range(engines)
            for point in range(POINTS)
        )
        self.prefix_engines: dict[int, int] = {}
        self.sizes = [0] * engines

    def learn(self, engines: set[int], *, are_alive: bool) -> None:
        """Apply a result of the health check."""
        self.living = self.living | engines if are_alive else self.living - engines
        self.alive = sorted(self.living)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def at_random(view: View, call: TracedCall) -> int:
    """Pick any engine."""
    return view.draw.choice(view.alive)


def round_robin(view: View, call: TracedCall) -> int:
    """Pick the next engine."""
    view.next_index += 1
    return view.alive[view.next_index % len(view.alive)]


def power_of_two(view: View, call: TracedCall) -> int:
    """Pick the less loaded of two random engines."""
    engine, other = view.draw.choice(view.alive), view.draw.choice(view.alive)
    return engine if view.loads[engine] <= view.loads[other] else other


def consistent_hash(view: View, call: TracedCall) -> int:
    """Pick the client's position on the ring, or the next healthy engine on it."""
    at = bisect.bisect(view.ring, (_hash(str(call.client)), 0))
    while view.ring[at % len(view.ring)][1] not in view.living:
        at += 1
    return view.ring[at % len(view.ring)][1]


def cache_aware(view: View, call: TracedCall) -> int:
    """Pick the engine that had the prompt's prefix before; the least loaded if loads differ much.

    The router compares texts in a tree for each engine; here a prefix is known or not. As in the
    real router, evictions in the engine are not known to it.
    """
    loads = [view.loads[engine] for engine in view.alive]
    low, high = min(loads), max(loads)
    home = view.prefix_engines.get(call.prefix, -1)
    if high - low > BALANCE_DIFFERENCE and high > low * BALANCE_RATIO:
        chosen = min(view.alive, key=view.loads.__getitem__)
    elif home in view.living and call.shared > CACHE_SHARE * call.tokens_in:
        chosen = home
    else:
        chosen = min(view.alive, key=view.sizes.__getitem__)
    # What was not yet in the engine's tree is added to it.
    view.sizes[chosen] += call.tokens_in - (call.shared if home == chosen else 0)
    view.prefix_engines[call.prefix] = chosen
    return chosen


POLICIES: Final[dict[Policy, Callable[[View, TracedCall], int]]] = {
    "random": at_random,
    "round_robin": round_robin,
    "power_of_two": power_of_two,
    "consistent_hash": consistent_hash,
    "cache_aware": cache_aware,
}
