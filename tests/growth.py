"""Growth of processor time with the input, as a ratio that no busy machine changes."""

import time
from collections.abc import Callable

LEAST_S = 0.002  # below it, a ratio is one of the clock's steps


def growth(work: Callable[[int], object], size: int, times: int) -> float:
    """Return how many times longer the work takes at a size that many times larger."""
    return best(work, size * times) / max(best(work, size), LEAST_S)


def best(work: Callable[[int], object], size: int) -> float:
    """Return the processor time of the fastest of three, in seconds."""
    return min(seconds(work, size) for _ in range(3))


def seconds(work: Callable[[int], object], size: int) -> float:
    """Return the processor time of this thread for one piece of work."""
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
