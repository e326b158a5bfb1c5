"""The tokens of one step, and the requests that are answered at once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from launcher import engine_flags
from launcher.planning.cards import Gpu
from launcher.planning.memory import MemoryEstimate, Workload
from launcher.settings import LauncherSettings

SMALLEST_BATCH: Final = 16
SHORTER_THAN_EXPECTED: Final = 6  # most requests are far from the longest
# Tokens of a step, by the least memory of a GPU in GiB.
STEPS: Final = ((160, 16384), (70, 8192), (0, 2048))


def step_tokens(settings: LauncherSettings, gpus: Sequence[Gpu]) -> int:
    """Return the tokens of a step: as MMHIE_ENGINE_ARGS say, or by the GPUs' memory."""
    if asked := engine_flags.number(engine_flags.TOKENS, settings.engine_args):
        return asked
    least = min((gpu.memory_gib for gpu in gpus), default=0)
    return next(tokens for gib, tokens in STEPS if least >= gib)


def fill(
    settings: LauncherSettings, load: Workload, estimate: Callable[[Workload], MemoryEstimate]
) -> Workload:
    """Return the load with as many requests at once as MMHIE_MAX_INFLIGHT; with fewer if their
    logits crowd the cache, or if a step has fewer tokens."""
    if asked := engine_flags.number(engine_flags.SEQUENCES, settings.engine_args):
        return replace(load, sequences=asked)
    most = min(settings.max_inflight, load.batched_tokens)
    while most > SMALLEST_BATCH and (
        estimate(replace(load, sequences=most)).max_concurrent * SHORTER_THAN_EXPECTED < most
    ):
        most //= 2
    return replace(load, sequences=most)
