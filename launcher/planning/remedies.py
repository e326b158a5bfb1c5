"""Changes that make a model fit, when it does not."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from launcher.planning import gpu_share
from launcher.planning.memory import ParallelSizes, Workload, estimator
from launcher.planning.parallelism import legal_sizes
from launcher.planning.plan import EnginePlan
from launcher.planning.quantization import SMALLER, obstacle

MOST_GPUS: Final = 16
STEP: Final = 256
MOST_OF_A_GPU: Final = 0.97
LEFT: Final = 0.07  # of a GPU, for what vLLM does not count
Changes = Iterator[tuple[str, Workload]]


def describe_shortage(decided: EnginePlan) -> str:
    """Return how much memory is missing, and every remedy that is enough by the estimate."""
    neighbours = gpu_share.describe_neighbours(decided.hardware)
    share = f"each GPU's share ({neighbours})" if neighbours else "each GPU's share"
    where = "the memory that is free" if decided.device == "cpu" else share
    needed, there = decided.memory.per_gpu_gib, decided.memory.available_gib
    smaller = (*_first(decided, _formats(decided)), *_first(decided, _contexts(decided)))
    remedies = "; or ".join((*smaller, *_larger_share(decided), *_larger(decided)))
    name = decided.quantization.name
    form = "unquantized" if name == "none" else f"as {name}"
    return (
        f"{decided.model.id} {form} needs {needed:.1f} GiB and {where} is {there:.1f} GiB: "
        f"{remedies}."
    )


def suggest_lighter(decided: EnginePlan) -> str:
    """Return settings that need less memory, for an engine that ran out of it.

    The launcher tries a `smaller_share` by itself.
    """
    half = f"set MMHIE_MAX_MODEL_LEN={max(STEP, decided.context.max_model_len // 2 // STEP * STEP)}"
    return "; or ".join((half, *_larger(decided)))


def smaller_share(decided: EnginePlan) -> float | None:
    """Return a share of each GPU that leaves more for what vLLM does not count, or None."""
    share = round(decided.gpu_fraction - LEFT, 2)
    return share if share > 0 and _starts_with(decided, share) else None


def _starts_with(decided: EnginePlan, share: float) -> bool:
    """Return whether this share of each GPU is enough."""
    chosen = decided.settings.model_copy(update={"gpu_memory_utilization": share})
    is_enough = estimator(chosen, decided.hardware)(decided.workload).starts
    return is_enough and decided.device == "cuda"


def _first(decided: EnginePlan, changes: Changes) -> Iterator[str]:
    """Yield the first of these changes with which the model starts."""
    estimate = estimator(decided.settings, decided.hardware)
    return islice((sentence for sentence, load in changes if estimate(load).starts), 1)


def _formats(decided: EnginePlan) -> Changes:
    if decided.model.quantization is None and decided.quantization.method is None:
        for method in SMALLER:
            plugins = decided.installed.plugins
            if obstacle(method, decided.model, decided.hardware, plugins) is None:
                lighter = replace(decided.workload, quantization=method)
                yield f"set MMHIE_QUANTIZE={method}", lighter


def _contexts(decided: EnginePlan) -> Changes:
    """Yield shorter contexts in steps of 256 tokens."""
    load = decided.workload
    for tokens in range(load.max_model_len // STEP * STEP, 2 * STEP, -STEP):
        request = min(load.request_tokens, tokens)
        shorter = replace(load, max_model_len=tokens, request_tokens=request)
        yield f"set MMHIE_MAX_MODEL_LEN={tokens}", shorter


def _larger_share(decided: EnginePlan) -> Iterator[str]:
    """Yield a share larger than the default, if that is enough on a GPU without other users."""
    most = min(MOST_OF_A_GPU, gpu_share.free_fraction(decided.hardware))
    if decided.sizes.devices == 1 and _starts_with(decided, most):
        yield f"set MMHIE_GPU_MEMORY_UTILIZATION={most:g} where nothing else uses the GPU"


def _larger(decided: EnginePlan) -> Iterator[str]:
    """Yield a larger machine, and a smaller model."""
    if decided.device == "cpu":
        yield f"use a machine with {decided.memory.per_gpu_gib:.0f} GiB free"
    else:
        sizes = (
            size for size in legal_sizes(decided.model, MOST_GPUS) if size > decided.sizes.devices
        )
        wider = ((size, replace(decided.workload, sizes=ParallelSizes(size))) for size in sizes)
        yield from _first(decided, ((f"use {size} such GPUs", load) for size, load in wider))
    yield "set MMHIE_REASONER_MODEL to a smaller model (facebook/opt-1.3b, embedded)"
