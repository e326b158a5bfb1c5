"""Tokens that vLLM schedules in one step when it is not told: by the card's memory and name."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from launcher.planning.cards import UNIFIED, Gpu

TOKENS: Final = "--max-num-batched-tokens"
SEQUENCES: Final = "--max-num-seqs"
SMALL: Final = 2048
LARGE_GIB: Final = 70
LARGEST_GIB: Final = 160


def batched_tokens(gpus: Sequence[Gpu], arguments: Sequence[str] = ()) -> int:
    """vLLM's rule (`get_batch_defaults` in engine/arg_utils.py), or what the arguments say."""
    return asked_for(TOKENS, arguments) or min((_by_card(gpu) for gpu in gpus), default=SMALL)


def asked_for(flag: str, arguments: Sequence[str]) -> int | None:
    """The number given with this flag in MMHIE_ENGINE_ARGS; the last one counts."""
    parts = " ".join(arguments).replace("=", " ").split()
    values = [value for name, value in pairwise(parts) if name == flag]
    return int(values[-1]) if values and values[-1].isdecimal() else None


def _by_card(gpu: Gpu) -> int:
    """vLLM takes a card for a small one where NVML does not tell its memory (its pull request
    57378).
    """
    if gpu.memory_gib >= LARGEST_GIB:
        return 16384
    is_small = "a100" in gpu.name.lower() or gpu.compute_capability == UNIFIED
    return 8192 if gpu.memory_gib >= LARGE_GIB and not is_small else SMALL
