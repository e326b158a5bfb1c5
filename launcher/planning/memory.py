"""The memory an engine needs, by part: weights, KV cache, activations, fixed overhead."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from launcher import engine_flags
from launcher.models.facts import DTYPE_BYTES, ModelFacts
from launcher.planning.gpu_share import gpu_fraction
from launcher.planning.hardware import GIB, Hardware
from launcher.planning.kv_cache import kv_bytes_per_token, longest_bytes, request_bytes
from launcher.planning.weights import loaded_dtype, lora_bytes, padding_bytes, weight_bytes
from launcher.settings import LauncherSettings

# Public logs (docs/hardware.md) have 0.2 to 0.4 GiB outside of PyTorch, and fragments within.
GPU_CONTEXT_GIB: Final = 0.5
GRAPHS_GIB: Final = 0.5  # captured CUDA graphs, counted by vLLM since 0.21
GPU_PEER_GIB: Final = 0.2  # NCCL buffers, from the second GPU on
# Logged in public: 2.3 on two L4 in stages, 1.5 and 0.5 in tensor parallel on four H100 and L40S.
NCCL_STAGES_GIB: Final = 2.3
NCCL_TENSOR_GIB: Final = 1.6
# Float32: logits, those that are masked, and what Triton sets aside (`apply_top_k_top_p_triton` in
# v1/sample/ops/topk_topp_triton.py).
LOGIT_COPIES: Final = 3
COMFORTABLE: Final = 16  # concurrent requests from which a model counts as fitting
# Fitted to engines with vocabularies of 259, 49,152 and 201,088 entries (tests/real).
CPU_SERVER_GIB: Final = 0.45  # HTTP server of an engine on the CPU
CPU_CORE_GIB: Final = 0.28  # scheduler
TOKENIZER_BYTES: Final = 2600  # for each entry, in the server and in the scheduler
CPU_WORKER_GIB: Final = 0.6  # measured: worker without weights and KV cache
CPU_REQUESTS_PER_CORE: Final = 4


@dataclass(frozen=True, slots=True)
class ParallelSizes:
    """Devices that the weights are spread over, and the reason."""

    tensor: int = 1
    pipeline: int = 1
    reason: str = field(default="", compare=False, repr=False)

    @property
    def devices(self) -> int:
        return self.tensor * self.pipeline

    @property
    def nccl_gib(self) -> float:
        """Memory of each GPU that NCCL takes before vLLM measures the free memory."""
        if self.devices == 1:
            return 0.0
        return NCCL_STAGES_GIB if self.pipeline > 1 else NCCL_TENSOR_GIB


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The estimate of a plan: GiB, and numbers of requests.

    `weights_gib` is the sum over all devices; the other sizes are per device or, on a CPU, of the
    machine. `kv_space_gib` is the cache of each process on a CPU.
    """

    weights_gib: float
    weights_per_gpu_gib: float
    kv_gib_per_1k_tokens: float
    per_gpu_gib: float
    available_gib: float
    max_concurrent: int
    enough: int = 1
    kv_space_gib: int = 0
    request_tokens: int = 0

    @property
    def starts(self) -> bool:
        """True if at least one request can be answered."""
        return self.max_concurrent >= 1

    @property
    def fits(self) -> bool:
        """True if as many requests can be answered at once as a service needs."""
        return self.max_concurrent >= self.enough

    @property
    def verdict(self) -> str:
        """One sentence: whether the model runs there, and how many requests at once."""
        if not self.starts:
            return "Does not fit."
        length = f"{self.request_tokens:,} tokens"
        at_once = f"{self.max_concurrent:,} concurrent requests of {length}"
        if self.fits:
            return f"Fits: {at_once}."
        if self.max_concurrent == 1:
            at_once = f"one request of {length} at a time"
        return f"Starts, with room for only {at_once}; it counts as fitting from {self.enough}."

    def as_json(self) -> dict[str, float | int]:
        """The documented keys of `memory` in `mmhie plan --json`."""
        return {
            "weights_gib": round(self.weights_gib, 2),
            "weights_per_gpu_gib": round(self.weights_per_gpu_gib, 2),
            "kv_gib_per_1k_tokens": round(self.kv_gib_per_1k_tokens, 4),
            "per_gpu_gib": round(self.per_gpu_gib, 2),
            "starts": self.starts,
            "fits": self.fits,
            "max_concurrent": self.max_concurrent,
        }


def activation_bytes(load: "Workload", tokens: int, tensor: int) -> float:
    """Peak of one step: the widest layer's intermediates, or afterwards the sampler's logits."""
    model = load.model
    chosen = max(1, model.experts_per_token)
    width = 4 * model.hidden + 3 * model.intermediate * chosen / tensor
    return max(tokens * width * 2, load.sequences * model.vocab * 4 * LOGIT_COPIES)


@dataclass(frozen=True, slots=True)
class Workload:
    """The model in a format, and the length and number of the requests of an engine.

    `batches` of `batched_tokens` each are in flight at once; `lora_rank` is that of the adapter
    applied while serving, 0 without one.
    """

    model: ModelFacts
    quantization: str | None
    sizes: ParallelSizes
    max_model_len: int
    request_tokens: int
    sequences: int
    dtype: str = "auto"
    kv_dtype: str = "auto"
    batched_tokens: int = 2048
    batches: int = 1
    lora_rank: int = 0

    @property
    def cached_dtype(self) -> str:
        """The type of the KV cache: that of the model, unless it is configured."""
        is_wide = self.kv_dtype == "auto" and self.dtype == "float32"
        return "float32" if is_wide else self.kv_dtype

    @property
    def request_gib(self) -> float:
        """KV of one expected request on one device, once its input has been read."""
        needed = request_bytes(self.model, self.request_tokens, self.cached_dtype)
        return needed * self.kv_share / GIB

    @property
    def longest_gib(self) -> float:
        """KV of one request that fills the context; vLLM starts with no less."""
        in_flight = self.batched_tokens * self.batches
        needed = longest_bytes(self.model, self.max_model_len, in_flight, self.cached_dtype)
        return needed * self.kv_share / GIB

    @property
    def kv_share(self) -> float:
        """The part of the KV cache one device holds: its layers and its KV heads."""
        layers = math.ceil(self.model.layers / self.sizes.pipeline) / self.model.layers
        heads = 1 if self.model.latent else self.model.kv_heads
        return layers / min(self.sizes.tensor, heads)

    @property
    def weights_gib(self) -> float:
        return weight_bytes(self.model, self.quantization, self.dtype) / GIB

    @property
    def weights_per_device_gib(self) -> float:
        """The weights of the fullest device: its layers, and the embedding if it has one."""
        if self.sizes.pipeline == 1:
            return self.weights_gib / self.sizes.tensor
        plain = DTYPE_BYTES[loaded_dtype(self.model, self.dtype)]
        embedding = self.model.embedding_parameters * plain / GIB
        layers = math.ceil(self.model.layers / self.sizes.pipeline) / self.model.layers
        own_embedding = embedding if self.model.tied_embeddings else embedding / 2
        return ((self.weights_gib - embedding) * layers + own_embedding) / self.sizes.tensor

    @property
    def on_gpu_gib(self) -> float:
        """Bytes that weights take on a GPU beyond their own: padding, adapter buffers."""
        tensor = self.sizes.tensor
        buffers = lora_bytes(self.model, self.lora_rank, tensor)
        padding = padding_bytes(self.model, self.quantization, tensor)
        return (padding + buffers) / self.sizes.pipeline / GIB


Estimator = Callable[[Workload], MemoryEstimate]


def estimator(settings: LauncherSettings, hardware: Hardware) -> Estimator:
    """Return a function that estimates any workload on this hardware."""
    if hardware.gpus:
        graphs = 0.0 if engine_flags.is_on(engine_flags.EAGER, settings.engine_args) else GRAPHS_GIB

        def estimate(workload: Workload) -> MemoryEstimate:
            fraction = gpu_fraction(settings, hardware, workload.sizes.nccl_gib)
            return on_gpus(workload, hardware.gpu_gib, fraction, graphs)

        return estimate
    requests = min(settings.max_inflight, CPU_REQUESTS_PER_CORE * hardware.cpus)
    return lambda workload: on_cpu(workload, hardware.ram_gib, hardware.numa_node_gib, requests)


def on_gpus(
    workload: Workload, gpu_gib: float, fraction: float, graphs: float = GRAPHS_GIB
) -> MemoryEstimate:
    """Estimate the memory of each GPU, which vLLM fills up to `fraction`.

    Scheduling is asynchronous: one batch more is in flight than there are pipeline stages.
    """
    sizes = workload.sizes
    workload = replace(workload, batches=sizes.pipeline + 1)
    activations = activation_bytes(workload, workload.batched_tokens, sizes.tensor) / GIB
    peers = GPU_PEER_GIB if sizes.devices > 1 else 0.0
    overhead = GPU_CONTEXT_GIB + graphs + peers
    weights = workload.weights_per_device_gib + workload.on_gpu_gib
    room = gpu_gib * fraction - weights - activations - overhead
    made = _memory(workload, weights, activations + overhead, room)
    whole = workload.weights_gib + workload.on_gpu_gib * sizes.devices
    return replace(made, weights_gib=whole, enough=min(COMFORTABLE, workload.sequences))


def on_cpu(workload: Workload, ram_gib: float, node_gib: float, requests: int) -> MemoryEstimate:
    """Estimate the memory of the whole machine; the KV cache gets room for `requests` if possible.

    vLLM binds a process to one NUMA node, so no process's cache takes more than half of one.
    """
    processes = workload.sizes.devices
    together = min(workload.sequences, requests)
    step = replace(workload, sequences=together)
    activations = activation_bytes(step, workload.batched_tokens, 1) / GIB
    tokenizers = 2 * workload.model.vocab * TOKENIZER_BYTES / GIB
    overhead = CPU_SERVER_GIB + CPU_CORE_GIB + tokenizers + CPU_WORKER_GIB * processes
    fixed = workload.weights_gib + activations + overhead
    most = math.floor(min((ram_gib - fixed) / processes, node_gib / 2))
    wanted = min(math.ceil(requests * workload.request_gib), most)
    space = max(1, math.ceil(workload.longest_gib), wanted)
    needed = fixed + space * processes
    room = space if needed <= ram_gib else 0.0
    return replace(
        _memory(workload, workload.weights_per_device_gib, activations + overhead, room),
        per_gpu_gib=needed,
        available_gib=ram_gib,
        kv_space_gib=space,
        enough=min(COMFORTABLE, together),
    )


def _memory(workload: Workload, weights: float, beside: float, room: float) -> MemoryEstimate:
    """Return the estimate; `room` is the memory for the KV cache of one device.

    At most `workload.sequences` requests run at once.
    """
    concurrent = workload.sequences if room >= workload.longest_gib else 0
    if concurrent and workload.request_gib:
        concurrent = min(int(room / workload.request_gib), concurrent)
    per_token = kv_bytes_per_token(workload.model, workload.cached_dtype)
    return MemoryEstimate(
        weights_gib=workload.weights_gib,
        weights_per_gpu_gib=weights,
        kv_gib_per_1k_tokens=per_token * 1000 / GIB,
        per_gpu_gib=weights + beside + workload.longest_gib,
        available_gib=weights + beside + room,
        max_concurrent=concurrent,
        request_tokens=workload.request_tokens,
    )
