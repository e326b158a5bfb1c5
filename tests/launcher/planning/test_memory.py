"""The estimate against computed facts, the README's hardware rows and measured engines."""

from dataclasses import replace

import pytest

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning import gpu_share, kv_cache, memory, weights
from launcher.planning.hardware import GIB
from launcher.planning.memory import ParallelSizes, Workload

GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source=GPT_OSS_20B)
OPT = from_config(CONFIGS["facebook/opt-1.3b"], source="facebook/opt-1.3b")
TINY = from_config(CONFIGS["sshleifer/tiny-gpt2"], source="sshleifer/tiny-gpt2")
SMOL = from_config(CONFIGS["embedded"], source="embedded")
FRACTION = gpu_share.GPU_FRACTION


def load(
    model: ModelFacts = GPT_OSS,
    quantization: str | None = "mxfp4",
    sizes: ParallelSizes | None = None,
    context: int = 6144,
) -> Workload:
    return Workload(
        model=model,
        quantization=quantization,
        sizes=sizes or ParallelSizes(),
        max_model_len=context,
        request_tokens=4608,
        sequences=16,
    )


@pytest.mark.parametrize(
    ("model", "quantization", "gib"),
    [
        (GPT_OSS, "mxfp4", 12.82),
        (GPT_OSS, None, 38.96),
        (SMOL, None, 0.2506),
        (OPT, None, 2.45),
        (TINY, None, 102_714 * 2 / GIB),
    ],
)
def test_weights(model: ModelFacts, quantization: str | None, gib: float) -> None:
    """gpt-oss-20b as its two checkpoints weigh, others in 16 bits, within half a percent; every
    parameter counts."""
    if quantization is None:
        assert 2 * model.parameters / GIB == pytest.approx(gib, rel=0.005)
    assert weights.weight_bytes(model, quantization) / GIB == pytest.approx(gib, rel=0.005)


def test_kv_cache_of_gpt_oss() -> None:
    """24 KiB for each token in the full layers, 3 MiB for each sequence in the sliding ones."""
    assert kv_cache.kv_bytes_per_token(GPT_OSS) == 24 * 1024
    assert kv_cache.request_bytes(GPT_OSS, 1024) == 27 * 1024**2
    assert kv_cache.kv_bytes_per_token(GPT_OSS, "fp8") == 12 * 1024


def test_tokens_of_a_measured_engine() -> None:
    """vLLM 0.32 reported 46,592 tokens for SmolLM2-135M in 1 GiB of KV cache."""
    blocks = GIB / (kv_cache.kv_bytes_per_token(SMOL) * kv_cache.BLOCK_TOKENS)

    assert int(blocks) * kv_cache.BLOCK_TOKENS == 46592


def test_resident_size_of_a_measured_engine() -> None:
    """SmolLM2-135M with 1 GiB of cache, resident after an answer, within 10 %."""
    estimate = memory.on_cpu(load(SMOL, None, context=4608), 20, 10, 8)

    assert estimate.kv_space_gib == 1
    assert estimate.per_gpu_gib == pytest.approx(3.017, rel=0.1)


def test_resident_size_of_a_measured_gpt_oss_shape() -> None:
    """Two layers and the whole vocabulary, tensor parallel 2: 4.993 GiB, within 10 %."""
    tiny = replace(
        GPT_OSS,
        layers=2,
        sliding_layers=1,
        heads=4,
        kv_heads=2,
        hidden=64,
        intermediate=64,
        experts=4,
        experts_per_token=2,
        quantization=None,
    )
    estimate = memory.on_cpu(load(tiny, None, ParallelSizes(2), 3048), 20, 10, 8)

    assert estimate.per_gpu_gib == pytest.approx(4.993, rel=0.1)


@pytest.mark.parametrize(
    ("quantization", "gib", "fits"),
    [
        ("mxfp4", 16, False),
        ("mxfp4", 24, True),
        ("mxfp4", 12, False),
        (None, 40, False),
        (None, 48, True),
        (None, 80, True),
    ],
)
def test_the_readmes_gpu_rows(quantization: str | None, gib: float, fits: bool) -> None:
    """FP16 wants 40-50 GB and 4 bits 24 GB; 16 would do were it not for the kernel's padding."""
    assert memory.on_gpus(load(quantization=quantization), gib, FRACTION).fits is fits


@pytest.mark.parametrize(("ram", "fits"), [(32, False), (64, True), (96, True)])
def test_the_readmes_cpu_row(ram: float, fits: bool) -> None:
    """Unpacked to bfloat16 the default model wants about 64 GB of memory."""
    assert memory.on_cpu(load(quantization=None), ram, ram, 8).fits is fits


def test_a_card_of_16_gib_serves_few_and_one_of_24_many() -> None:
    """The room left after the weights decides how many requests there are at once."""
    busy = replace(load(), sequences=256)
    small = memory.on_gpus(load(), 16, 0.97)
    middle = memory.on_gpus(busy, 24, FRACTION)

    assert 1 <= small.max_concurrent < 16
    assert (small.starts, small.fits) == (True, False)
    assert small.verdict.startswith(f"Starts, but for {small.max_concurrent} concurrent")
    assert 50 <= middle.max_concurrent <= 100
    assert middle.verdict == f"Fits: {middle.max_concurrent} concurrent requests of 4,608 tokens."


def test_one_request_at_a_time_is_said() -> None:
    """The verdict for a card that holds one."""
    one = replace(memory.on_gpus(load(), 24, FRACTION), max_concurrent=1, enough=16)

    assert one.verdict.startswith("Starts, but for one request of 4,608 tokens at a time;")
    assert replace(one, max_concurrent=0).verdict == "Does not fit."


def test_no_more_at_once_than_the_engine_is_told() -> None:
    """A large card could hold hundreds; --max-num-seqs lets in 16."""
    assert memory.on_gpus(load(), 141, FRACTION).max_concurrent == 16


def test_tensor_parallel_halves_weights_and_cache() -> None:
    """Each of two GPUs holds half of both, but for the padding of its narrower experts."""
    one = memory.on_gpus(load(), 80, FRACTION)
    two = memory.on_gpus(load(sizes=ParallelSizes(2)), 80, FRACTION)

    assert two.weights_per_gpu_gib == pytest.approx(one.weights_per_gpu_gib / 2, rel=0.05)
    assert two.kv_gib_per_request == pytest.approx(one.kv_gib_per_request / 2)
    assert two.weights_gib == pytest.approx(2 * two.weights_per_gpu_gib)


def test_pipeline_parallel_counts_the_embedding_where_it_is() -> None:
    """The heaviest stage has its layers and one of the two large matrices."""
    two = load(sizes=ParallelSizes(1, 2)).weights_per_device_gib
    embedding = GPT_OSS.vocab * GPT_OSS.hidden * 2 / GIB

    assert two == pytest.approx((12.816 - 2 * embedding) / 2 + embedding, rel=0.001)


def test_shared_kv_heads_are_not_halved_again() -> None:
    """More ranks than KV heads hold copies of them."""
    narrow = replace(SMOL, kv_heads=1, heads=8)

    assert load(narrow, None, ParallelSizes(4)).kv_share == 1


def test_the_longest_request_is_what_vllm_counts() -> None:
    """A gpt-oss-shaped engine said 668.73 requests of 3048 tokens in 1 GiB on each of two ranks."""
    tiny = replace(
        GPT_OSS, layers=2, sliding_layers=1, heads=4, kv_heads=2, hidden=64, head_dim=64, experts=4
    )
    asked = replace(load(tiny, None, ParallelSizes(2), 3048), batched_tokens=4096)

    assert 1 / asked.longest_gib == pytest.approx(668.73, rel=0.05)


def test_files_that_are_there_are_believed() -> None:
    """The size of the files wins over the count, as long as they are served as they are."""
    seen = replace(GPT_OSS, weight_bytes=13 * GIB)

    assert weights.weight_bytes(seen, "mxfp4") == 13 * GIB
    assert weights.weight_bytes(seen, None) == weights.weight_bytes(GPT_OSS, None)


def test_float32_files_are_loaded_in_16_bits() -> None:
    """vLLM's own rule for dtype auto."""
    seen = replace(SMOL, dtype="float32", weight_bytes=GIB)

    assert weights.weight_bytes(seen, None) == GIB / 2
    assert weights.loaded_dtype(seen, "auto") == "bfloat16"
    assert weights.loaded_dtype(seen, "float32") == "float32"


@pytest.mark.parametrize(
    ("quantization", "bits", "most"), [("gptq", 4, 0.32), ("gptq", 8, 0.56), ("fp8", None, 0.56)]
)
def test_packed_weights(quantization: str, bits: int | None, most: float) -> None:
    """Four bits are about a quarter and eight about a half of 16, the embedding aside."""
    dense = replace(SMOL, quantization=quantization, bits=bits)
    packed = weights.weight_bytes(dense, quantization) - 2 * dense.embedding_parameters
    plain = weights.weight_bytes(SMOL, None) - 2 * dense.embedding_parameters

    assert most - 0.08 < packed / plain < most


def test_a_longer_step_on_a_cpu() -> None:
    """Tokens that MMHIE_ENGINE_ARGS let it read at once are counted, as on a GPU."""
    usual = memory.on_cpu(load(), 256, 256, 4)
    longer = memory.on_cpu(load(), 256, 256, 4, arguments=["--max-num-batched-tokens", "131072"])

    assert longer.activations_gib == pytest.approx(64 * usual.activations_gib, rel=0.01)
    assert longer.per_gpu_gib > usual.per_gpu_gib
