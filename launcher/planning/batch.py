"""The tokens that vLLM schedules in one step by default: by the card's memory and name."""

from collections.abc import Sequence
from typing import Final

from launcher import engine_flags
from launcher.planning.cards import UNIFIED, Gpu

TOKENS: Final = "--max-num-batched-tokens"
SEQUENCES: Final = "--max-num-seqs"
MODE: Final = "--performance-mode"
SMALL: Final = 2048
LARGE_GIB: Final = 70
LARGEST_GIB: Final = 160


def batched_tokens(gpus: Sequence[Gpu], arguments: Sequence[str] = (), cpu_ranks: int = 1) -> int:
    """vLLM's rule (`get_batch_defaults` in engine/arg_utils.py), or what the arguments say; without
    GPUs it is for each rank of a copy.
    """
    if asked := asked_for(TOKENS, arguments):
        return asked
    is_doubled = engine_flags.values(arguments).get(MODE) == "throughput"
    return min((_by_card(gpu) for gpu in gpus), default=SMALL * cpu_ranks) * (
        2 if is_doubled else 1
    )


def asked_for(flag: str, arguments: Sequence[str]) -> int | None:
    """The number given with this flag in MMHIE_ENGINE_ARGS."""
    written = engine_flags.values(arguments).get(flag)
    return engine_flags.size(flag, written) if written else None


def has_graphs(arguments: Sequence[str]) -> bool:
    """CUDA graphs are captured, unless the arguments say that steps run without (eager)."""
    return not engine_flags.is_on("--enforce-eager", arguments)


def _by_card(gpu: Gpu) -> int:
    """vLLM takes a card for a small one where NVML does not tell its memory (its pull request
    57378).
    """
    if gpu.memory_gib >= LARGEST_GIB:
        return 16384
    is_small = "a100" in gpu.name.lower() or gpu.compute_capability == UNIFIED
    return 8192 if gpu.memory_gib >= LARGE_GIB and not is_small else SMALL
