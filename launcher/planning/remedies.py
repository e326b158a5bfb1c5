"""Changes that make a model fit, when it does not."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from launcher.planning import gpu_share
from launcher.planning.decisions import Decisions
from launcher.planning.memory import ParallelSizes, Workload, estimator
from launcher.planning.parallelism import legal_sizes
from launcher.planning.quantization import SMALLER, obstacle

MOST_GPUS: Final = 16
STEP: Final = 256
MOST_OF_A_GPU: Final = 0.97
LEFT: Final = 0.07  # of a GPU, for what vLLM does not count


def describe_shortage(decided: Decisions) -> str:
    """Return how much memory is missing, and every remedy that is enough by the estimate."""
    neighbours = gpu_share.describe_neighbours(decided.hardware)
    share = f"each GPU's share ({neighbours})" if neighbours else "each GPU's share"
    where = "the memory that is free" if decided.device == "cpu" else share
    needed, there = decided.memory.per_gpu_gib, decided.memory.available_gib
    smaller = (*_by_quantization(decided), *_by_context(decided), *_by_fraction(decided))
    remedies = "; or ".join((*smaller, *_larger(decided)))
    name = decided.quantization.name
    form = "unquantized" if name == "none" else f"as {name}"
    return (
        f"{decided.model.id} {form} needs {needed:.1f} GiB and {where} is {there:.1f} GiB: "
        f"{remedies}."
    )


def suggest_lighter(decided: Decisions) -> str:
    """Return settings that need less memory, for an engine that ran out of it.

    The launcher tries a `smaller_share` by itself.
    """
    half = f"set MMHIE_MAX_MODEL_LEN={max(STEP, decided.context.max_model_len // 2 // STEP * STEP)}"
    return "; or ".join((half, *_larger(decided)))


def smaller_share(decided: Decisions) -> float | None:
    """Return a share of each GPU that leaves more for what vLLM does not count, or None."""
    share = round(decided.gpu_fraction - LEFT, 2)
    smaller = decided.settings.model_copy(update={"gpu_memory_utilization": share})
    estimate = estimator(smaller, decided.hardware, decided.device)
    is_enough = decided.device == "cuda" and share > 0 and estimate(decided.workload).starts
    return share if is_enough else None


def _by_quantization(decided: Decisions) -> Iterator[str]:
    if decided.model.quantization is not None or decided.quantization.method is not None:
        return
    for method in SMALLER:
        lighter = replace(decided.workload, quantization=method)
        if obstacle(method, decided.model, decided.platform) is None and _fits(decided, lighter):
            yield f"set MMHIE_QUANTIZE={method}"


def _by_context(decided: Decisions) -> Iterator[str]:
    """Yield the longest context with which the model fits, in steps of 256 tokens."""
    for tokens in range(decided.context.max_model_len // STEP * STEP, 2 * STEP, -STEP):
        request = min(decided.workload.request_tokens, tokens)
        shorter = replace(decided.workload, max_model_len=tokens, request_tokens=request)
        if _fits(decided, shorter):
            yield f"set MMHIE_MAX_MODEL_LEN={tokens}"
            return


def _by_fraction(decided: Decisions) -> Iterator[str]:
    """Yield a share larger than the default, if that is enough on a GPU without other users."""
    most = min(MOST_OF_A_GPU, gpu_share.free_fraction(decided.hardware))
    wider = decided.settings.model_copy(update={"gpu_memory_utilization": most})
    estimate = estimator(wider, decided.hardware, decided.device)
    is_alone = decided.device == "cuda" and decided.sizes.devices == 1
    if is_alone and estimate(decided.workload).starts:
        yield f"set MMHIE_GPU_MEMORY_UTILIZATION={most:g} where nothing else uses the GPU"


def _larger(decided: Decisions) -> Iterator[str]:
    """Yield a larger machine, and a smaller model."""
    if decided.device == "cpu":
        yield f"use a machine with {decided.memory.per_gpu_gib:.0f} GiB free"
    else:
        sizes = legal_sizes(decided.model, MOST_GPUS)
        wider = [size for size in sizes if size > decided.sizes.devices and _fits_on(decided, size)]
        yield from (f"use {size} such GPUs" for size in wider[:1])
    yield "set MMHIE_REASONER_MODEL to a smaller model (facebook/opt-1.3b, embedded)"


def _fits_on(decided: Decisions, gpus: int) -> bool:
    return _fits(decided, replace(decided.workload, sizes=ParallelSizes(gpus)))


def _fits(decided: Decisions, workload: Workload) -> bool:
    return estimator(decided.settings, decided.hardware, decided.device)(workload).starts
