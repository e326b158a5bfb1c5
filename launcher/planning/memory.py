"""The memory an engine needs, by part: weights, KV cache, activations, fixed overhead."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from launcher.formats import FORMATS
from launcher.models.facts import DTYPE_BYTES, ModelFacts
from launcher.planning.hardware import GIB, Device, Hardware
from launcher.settings import LauncherSettings

# Bytes per packed weight, scales included (MXFP4: 4 bits + 8 bits per 32 weights).
MXFP4_BYTES: Final = 4.25 / 8
GROUP_SCALE_BYTES: Final = 2.5 / 128
GPU_FRACTION: Final = 0.92
GPU_CONTEXT_GIB: Final = 0.7  # CUDA context, libraries, fragmentation
GPU_GRAPHS_GIB: Final = 0.5  # captured CUDA graphs
GPU_PEER_GIB: Final = 0.3  # NCCL buffers, from the second GPU on
# Fitted to engines with vocabularies of 259, 49,152 and 201,088 entries (tests/real).
CPU_SERVER_GIB: Final = 0.45  # HTTP server of an engine on the CPU
CPU_CORE_GIB: Final = 0.28  # scheduler, one for each copy
TOKENIZER_BYTES: Final = 2600  # for each entry, in the server and in each scheduler
CPU_COORDINATOR_GIB: Final = 0.4  # measured: one more process when there are copies
CPU_WORKER_GIB: Final = 0.6  # measured: worker without weights and KV cache
BIG_GPU_GIB: Final = 70  # from here on vLLM schedules 8192 tokens at a time instead of 2048
BLOCK_TOKENS: Final = 16
CPU_REQUESTS_PER_CORE: Final = 4


@dataclass(frozen=True, slots=True)
class ParallelSizes:
    """Devices that the weights of one copy are spread over, and the number of copies."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1

    @property
    def devices(self) -> int:
        """Devices of one copy."""
        return self.tensor * self.pipeline


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The estimate of a plan; every number is GiB, per device where it says so.

    `kv_space_gib` is the size of the cache of each process on a CPU.
    """

    weights_gib: float
    kv_gib_per_1k_tokens: float
    kv_gib_per_request: float
    weights_per_gpu_gib: float
    activations_gib: float
    overhead_gib: float
    kv_room_gib: float
    per_gpu_gib: float
    available_gib: float
    max_concurrent: int
    kv_space_gib: int = 0

    @property
    def fits(self) -> bool:
        """At least one request of full length can be answered."""
        return self.max_concurrent >= 1

    def as_json(self) -> dict[str, float | int]:
        """The documented keys of `memory` in `mmhie plan --json`."""
        return {
            "weights_gib": round(self.weights_gib, 2),
            "kv_gib_per_1k_tokens": round(self.kv_gib_per_1k_tokens, 4),
            "per_gpu_gib": round(self.per_gpu_gib, 2),
            "fits": self.fits,
            "max_concurrent": self.max_concurrent,
        }


def bits_to_bytes(bits: int) -> float:
    """Bytes of one weight packed to `bits` in groups of 128 with a scale and a zero point."""
    return bits / 8 + GROUP_SCALE_BYTES


def weight_bytes(model: ModelFacts, quantization: str | None, dtype: str = "auto") -> float:
    """Bytes of the loaded weights; the files' own size where they are served as they are."""
    if model.weight_bytes and quantization == model.quantization and dtype in ("auto", model.dtype):
        return model.weight_bytes * _loaded_share(model)
    plain = DTYPE_BYTES[loaded_dtype(model, dtype)]
    experts, linear = _packed_bytes(model, quantization, plain)
    rest = model.embedding_parameters + model.small_parameters
    return model.expert_parameters * experts + model.linear_parameters * linear + rest * plain


def _loaded_share(model: ModelFacts) -> float:
    """vLLM loads a float32 checkpoint in 16 bits."""
    return 0.5 if model.dtype == "float32" and model.quantization is None else 1.0


def loaded_dtype(model: ModelFacts, dtype: str) -> str:
    """`auto` keeps the checkpoint's type, but float32 becomes 16 bits (vLLM's own rule)."""
    if dtype != "auto":
        return dtype
    return model.dtype if model.dtype in ("bfloat16", "float16") else "bfloat16"


def _packed_bytes(model: ModelFacts, quantization: str | None, plain: int) -> tuple[float, float]:
    """Bytes per expert weight and per linear weight."""
    if quantization is None:
        return plain, plain
    if quantization == "mxfp4":
        return MXFP4_BYTES, plain if model.is_gpt_oss else MXFP4_BYTES
    bits = model.bits if quantization == model.quantization else None
    row = FORMATS.get(quantization)
    packed = bits_to_bytes(bits or (row.bits if row else 8))
    return packed, packed


def kv_bytes_per_token(model: ModelFacts, kv_dtype: str = "auto") -> float:
    """Bytes one more token costs: keys and values of the full-attention layers only."""
    return model.full_layers * kv_bytes_per_layer(model, kv_dtype)


def kv_bytes_per_sequence(model: ModelFacts, kv_dtype: str = "auto") -> float:
    """Bytes a sequence costs whatever its length: the windows of the sliding layers."""
    return model.sliding_layers * model.sliding_window * kv_bytes_per_layer(model, kv_dtype)


def kv_bytes_per_layer(model: ModelFacts, kv_dtype: str) -> float:
    """Bytes of one token's keys and values in one layer."""
    return 2 * model.kv_heads * model.head_dim * (1 if kv_dtype == "fp8" else 2)


def request_bytes(model: ModelFacts, tokens: int, kv_dtype: str = "auto") -> float:
    """KV bytes of one request of `tokens`, rounded up to whole blocks."""
    blocks = math.ceil(tokens / BLOCK_TOKENS) * BLOCK_TOKENS
    return blocks * kv_bytes_per_token(model, kv_dtype) + kv_bytes_per_sequence(model, kv_dtype)


def activation_bytes(model: ModelFacts, batched_tokens: int, sequences: int, tensor: int) -> float:
    """Peak of one forward pass: the widest layer's intermediates, and the float32 logits."""
    width = 4 * model.hidden + 3 * model.intermediate * max(1, model.experts_per_token) / tensor
    return batched_tokens * width * 2 + sequences * model.vocab * 4 * 2


@dataclass(frozen=True, slots=True)
class Workload:
    """The model in a format, and the length and number of the requests an engine has to hold."""

    model: ModelFacts
    quantization: str | None
    sizes: ParallelSizes
    max_model_len: int
    request_tokens: int
    sequences: int
    dtype: str = "auto"
    kv_dtype: str = "auto"
    batched_tokens: int = 2048

    @property
    def request_gib(self) -> float:
        """KV of one expected request on one device, once its input has been read."""
        needed = request_bytes(self.model, self.request_tokens, self.kv_dtype)
        return needed * self.kv_share / GIB

    @property
    def longest_gib(self) -> float:
        """KV of one request that fills the context, as vLLM counts it; it starts with no less.

        While a batch of input is read, the sliding layers hold all of it beside their window
        (SlidingWindowSpec.max_memory_usage_bytes).
        """
        per_layer = kv_bytes_per_layer(self.model, self.kv_dtype)
        held = min(self.model.sliding_window - 1 + self.batched_tokens, self.max_model_len)
        full = self.model.full_layers * self.max_model_len
        tokens_by_layer = full + self.model.sliding_layers * held
        return tokens_by_layer * per_layer * self.kv_share / GIB

    @property
    def kv_share(self) -> float:
        """The part of the KV cache one device holds: its layers and its KV heads."""
        layers = math.ceil(self.model.layers / self.sizes.pipeline) / self.model.layers
        return layers / min(self.sizes.tensor, self.model.kv_heads)

    @property
    def weights_gib(self) -> float:
        """All weights of one copy."""
        return weight_bytes(self.model, self.quantization, self.dtype) / GIB

    @property
    def weights_per_device_gib(self) -> float:
        """The heaviest device: its layers, and the embedding where it holds one."""
        if self.sizes.pipeline == 1:
            return self.weights_gib / self.sizes.tensor
        plain = DTYPE_BYTES[loaded_dtype(self.model, self.dtype)]
        embedding = self.model.embedding_parameters * plain / GIB
        layers = math.ceil(self.model.layers / self.sizes.pipeline) / self.model.layers
        held = embedding if self.model.tied_embeddings else embedding / 2
        return ((self.weights_gib - embedding) * layers + held) / self.sizes.tensor


Estimator = Callable[[Workload], MemoryEstimate]


def estimator(settings: LauncherSettings, hardware: Hardware, device: Device) -> Estimator:
    """The estimate of any workload on this device."""
    if device == "cuda":
        fraction = settings.gpu_memory_utilization or GPU_FRACTION
        return lambda workload: on_gpus(workload, hardware.gpu_gib, fraction)
    requests = min(settings.max_inflight, CPU_REQUESTS_PER_CORE * hardware.cpus)
    ram_gib, node_gib = hardware.ram_gib, hardware.numa_node_gib
    return lambda workload: on_cpu(workload, ram_gib, node_gib, requests, hardware.nodes)


def on_gpus(workload: Workload, gpu_gib: float, fraction: float) -> MemoryEstimate:
    """The estimate for each GPU, which vLLM fills up to `fraction`."""
    batched = 8192 if gpu_gib >= BIG_GPU_GIB else 2048
    workload = replace(workload, batched_tokens=batched)
    activations = (
        activation_bytes(workload.model, batched, workload.sequences, workload.sizes.tensor) / GIB
    )
    peers = GPU_PEER_GIB if workload.sizes.devices > 1 else 0.0
    overhead = GPU_CONTEXT_GIB + GPU_GRAPHS_GIB + peers
    fixed = workload.weights_per_device_gib + activations + overhead
    return _memory(workload, activations, overhead, gpu_gib * fraction - fixed)


def on_cpu(
    workload: Workload, ram_gib: float, node_gib: float, requests: int, nodes: int = 1
) -> MemoryEstimate:
    """The estimate for the whole machine; the KV cache is given room for `requests` if it fits.

    vLLM binds a process to one NUMA node, so no process's cache takes more than half of one. Of
    several machines this is the head, which has the server besides its part of the ranks.
    """
    copies, processes = workload.sizes.data, workload.sizes.devices * workload.sizes.data // nodes
    workload = replace(workload, batched_tokens=2048 * workload.sizes.devices)
    together = min(workload.sequences, requests)
    activations = activation_bytes(workload.model, 2048, together, 1) * processes / GIB
    coordinator = CPU_COORDINATOR_GIB if copies > 1 else 0.0
    tokenizers = (1 + copies) * workload.model.vocab * TOKENIZER_BYTES / GIB
    server = CPU_SERVER_GIB + coordinator + tokenizers
    overhead = server + CPU_CORE_GIB * copies + CPU_WORKER_GIB * processes
    fixed = workload.weights_gib * copies / nodes + activations + overhead
    most = math.floor(min((ram_gib - fixed) / processes, node_gib / 2))
    space = max(
        1, math.ceil(workload.longest_gib), min(math.ceil(requests * workload.request_gib), most)
    )
    needed = fixed + space * processes
    made = _memory(workload, activations, overhead, space if needed <= ram_gib else 0.0)
    return replace(made, per_gpu_gib=needed, available_gib=ram_gib, kv_space_gib=space)


def _memory(workload: Workload, activations: float, overhead: float, room: float) -> MemoryEstimate:
    """`room` is what one device has for its KV cache."""
    holds_longest = room >= workload.longest_gib
    concurrent = int(room / workload.request_gib) * workload.sizes.data if holds_longest else 0
    weights = workload.weights_per_device_gib
    return MemoryEstimate(
        weights_gib=workload.weights_gib,
        kv_gib_per_1k_tokens=kv_bytes_per_token(workload.model, workload.kv_dtype) * 1000 / GIB,
        kv_gib_per_request=workload.request_gib,
        weights_per_gpu_gib=weights,
        activations_gib=activations,
        overhead_gib=overhead,
        kv_room_gib=max(0.0, room),
        per_gpu_gib=weights + activations + overhead + workload.longest_gib,
        available_gib=weights + activations + overhead + room,
        max_concurrent=concurrent,
    )
