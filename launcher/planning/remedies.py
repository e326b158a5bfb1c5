"""What to change when a model does not fit."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from launcher.planning import memory
from launcher.planning.decisions import Decisions
from launcher.planning.hardware import Hardware
from launcher.planning.memory import Memory, Split
from launcher.planning.parallelism import legal_sizes
from launcher.planning.quantization import AUTO_ORDER, Site, blocker
from launcher.settings import LauncherSettings

MOST_GPUS: Final = 16
STEP: Final = 256
CPU_REQUESTS_PER_CORE: Final = 4


def sentence(draft: Decisions) -> str:
    """What is missing, and every remedy that was computed to be enough."""
    where = "the memory that is free" if draft.device == "cpu" else "each GPU's share"
    needed, there = draft.memory.per_gpu_gib, draft.memory.available_gib
    remedies = "; or ".join(_remedies(draft))
    return (
        f"{draft.model.id} as {draft.choice.name} needs {needed:.1f} GiB and {where} is "
        f"{there:.1f} GiB: {remedies}."
    )


def _remedies(draft: Decisions) -> Iterator[str]:
    yield from _by_quantization(draft)
    yield from _by_context(draft)
    yield from _by_more_gpus(draft)
    if draft.device == "cpu":
        yield f"use a machine with {draft.memory.per_gpu_gib:.0f} GiB free"
    yield "set MMHIE_REASONER_MODEL to a smaller model (facebook/opt-1.3b, embedded)"


def _by_quantization(draft: Decisions) -> Iterator[str]:
    site = Site(draft.device, draft.hardware, draft.installed)
    if draft.model.quantization is not None or draft.choice.method is not None:
        return
    for method in AUTO_ORDER:
        lighter = replace(draft.load, quantization=method)
        if blocker(method, draft.model, site) is None and estimate(draft, lighter).fits:
            yield f"set MMHIE_QUANTIZE={method}"


def _by_context(draft: Decisions) -> Iterator[str]:
    """The longest context with which it fits, in steps of 256 tokens."""
    for tokens in range(draft.context.max_model_len // STEP * STEP, 2 * STEP, -STEP):
        request = min(draft.load.request_tokens, tokens)
        shorter = replace(draft.load, max_model_len=tokens, request_tokens=request)
        if estimate(draft, shorter).fits:
            yield f"set MMHIE_MAX_MODEL_LEN={tokens}"
            return


def _by_more_gpus(draft: Decisions) -> Iterator[str]:
    if draft.device == "cpu":
        return
    for size in legal_sizes(draft.model, MOST_GPUS):
        wider = replace(draft.load, split=Split(size))
        if size > draft.split.devices and estimate(draft, wider).fits:
            yield f"use {size} such GPUs"
            return


def estimate(draft: Decisions, load: memory.Load) -> Memory:
    """The same place with another load."""
    return place(draft.settings, draft.hardware, draft.device)(load)


def place(
    settings: LauncherSettings, hardware: Hardware, device: str
) -> Callable[[memory.Load], Memory]:
    """The estimator of this device."""
    if device == "cpu":
        requests = min(settings.max_inflight, CPU_REQUESTS_PER_CORE * hardware.cpus)
        node_gib = hardware.numa_node_gib
        return lambda load: memory.on_cpu(
            load, hardware.ram_gib, node_gib, requests, hardware.nodes
        )
    fraction = settings.gpu_memory_utilization or memory.GPU_FRACTION
    return lambda load: memory.on_gpus(load, hardware.gpu_gib, fraction)
