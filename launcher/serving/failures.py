"""Causes of an engine's end, read from its last lines, and remedies where they are known."""

import re
from collections.abc import Collection
from typing import Final

from launcher.errors import (
    DeviceFailed,
    EngineOutOfMemory,
    ExitedEarly,
    NotEnoughMemory,
)
from launcher.process.child import describe
from launcher.serving import preflight
from launcher.serving.startup_log import root_cause

# A process that has seen one of these cannot go on (CUDA Runtime API, cudaError_t: "the process
# must be terminated and relaunched"), and the GPU or its driver may be in the same state still.
DEVICE: Final = re.compile(
    r"CUDA error: (?!out of memory|CUBLAS_STATUS_ALLOC|no kernel image|invalid)[\w (),'-]+"
    r"|[Uu]ncorrectable (?:ECC|NVLink) error[\w ]*"
    r"|NVRM: Xid.*|Xid \(PCI[^)]*\): \d+|GPU is lost|fallen off the bus"
    r"|NCCL error[^\n]{0,80}|nccl(?:UnhandledCuda|System|Internal|Remote)Error"
    r"|Watchdog caught collective operation timeout"
)
SHARED_MEMORY: Final = re.compile(r"dev/shm.*[Nn]o space left|[Nn]o space left.*dev/shm")
# NCCL's own line for a want of GPU memory; what torch raises of it names no reason.
NCCL_MEMORY: Final = re.compile(r"Cuda failure (?:\d+ )?'out of memory'")
MEMORY: Final = re.compile(
    r"out of memory|OutOfMemoryError|OOM on device|CUBLAS_STATUS_ALLOC_FAILED"
    r"|DefaultCPUAllocator: can't allocate"
    r"|No available memory for the cache blocks|than the available KV cache memory"
    r"|Free memory on device .* is less than|Available memory on node \d+ .* is less than"
)
OTHER_MODEL: Final = "set MMHIE_REASONER_MODEL to another model"
OTHER_WEIGHTS: Final = "use its 16-bit weights, or a copy in gptq, awq, fp8 or compressed-tensors"
# A part of vLLM's sentence, and what to do; the first row that matches counts.
REMEDIES: Final = (
    (
        r"trust.remote.code|contains custom code",
        "it brings code of its own, which runs only with MMHIE_ENGINE_ARGS=--trust-remote-code and "
        "then has all rights of the engine: read it first, and pin it with "
        "MMHIE_REASONER_REVISION",
    ),
    (r"--runner generate", f"it does not generate text: {OTHER_MODEL}"),
    (
        r"[Aa]rchitectures? .*supported|not recognize this architecture|not supported by Tran",
        f"{OTHER_MODEL}, or install a vLLM that knows it",
    ),
    (r"Pipeline parallelism", "unset MMHIE_DEVICE_MAP"),
    (r"expert.parallel", "correct MMHIE_ENGINE_ARGS"),
    (r"divisible by tensor parallel|not divisible", "set MMHIE_TENSOR_PARALLEL to another number"),
    (r"World size", "lower MMHIE_TENSOR_PARALLEL"),
    (r"max_num_batched_tokens|max_num_seqs", "correct MMHIE_ENGINE_ARGS"),
    (r"max_model_len", "lower MMHIE_MAX_MODEL_LEN"),
    (
        r"does not match the quantization|only supports pre-quantized|already quantized",
        "set MMHIE_QUANTIZE=none",
    ),
    (
        r"Failed to find C compiler|Python\.h",
        "install a C compiler and Python's headers (`apt-get install gcc python3-dev`), or set CC",
    ),
    (r"Minimum capability", f"use a newer GPU, or {OTHER_WEIGHTS}"),
    (r"quantiz|num_bits|activation (?:scheme|order)", OTHER_WEIGHTS),
    (
        r"FP8 KV|kv.cache.dtype|[Bb]?float(?:16|32)",
        "set MMHIE_DTYPE and MMHIE_KV_CACHE_DTYPE to auto",
    ),
    (r"LoRA rank", "merge the adapter (MMHIE_MERGE_ADAPTER=true)"),
    (r"referenced in index but missing", "run `mmhie fetch`, or give the whole folder"),
    (r"argument |unrecognized|invalid choice", "correct MMHIE_ENGINE_ARGS"),
)
# vLLM's advice follows its reason: it is about flags that are not the user's, or a long list.
SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def start_error(status: int, lines: Collection[str], lighter: str) -> ExitedEarly:
    """Return why an engine ended before it was ready, as it wrote itself; `lighter` says how it
    would need less memory. Raises what `raise_device_fault` does."""
    raise_device_fault(lines)
    cause = root_cause(tuple(lines)) or ""
    if MEMORY.search(cause) or is_in(NCCL_MEMORY, lines):
        reason = cause if cause.endswith((".", "…")) else f"{cause}."
        return EngineOutOfMemory(
            f"The engine ran out of memory while it loaded: {reason} To need less, {lighter}."
        )
    reason = with_remedy(cause) if cause else "it did not say why; read its log."
    return ExitedEarly(f"The engine ended before it was ready ({describe(status)}): {reason}")


def raise_device_fault(lines: Collection[str]) -> None:
    """Raise DeviceFailed where a GPU, its driver or NCCL broke, which outlives the engine, and
    NotEnoughMemory where NCCL found no room in shared memory."""
    if is_in(SHARED_MEMORY, lines):
        raise NotEnoughMemory(f"NCCL found no room in /dev/shm: {preflight.MORE_SHARED}.")
    fault = next((match[0].strip(" .") for match in map(DEVICE.search, lines) if match), None)
    if fault and not is_in(NCCL_MEMORY, lines):
        raise DeviceFailed(
            f"A GPU, its driver or NCCL failed ({fault}), and no restart of the engine "
            "within this process mends that: start the container, or the launcher, anew; if it "
            "happens again, look for Xid in the kernel's log and have the GPU reset or exchanged."
        )


def is_in(pattern: re.Pattern[str], lines: Collection[str]) -> bool:
    """Return whether a line has the pattern."""
    return any(map(pattern.search, lines))


def with_remedy(cause: str) -> str:
    """Return vLLM's reason for the end of a start, and the remedy if it is known."""
    remedy = next((text for pattern, text in REMEDIES if re.search(pattern, cause)), None)
    first = SENTENCE_END.split(cause, maxsplit=1)[0].rstrip(" .")
    return f"{first}; {remedy}." if remedy else cause


def refusal(cause: str) -> str:
    """Return the sentence about a configuration that vLLM does not take."""
    return f"vLLM refuses this configuration: {with_remedy(cause).rstrip('.')}."
