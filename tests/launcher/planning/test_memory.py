"""The estimate against published files and the README's hardware rows.

Numbers of real GPUs are in test_public_logs.py, those of real engines on a CPU in tests/real.
"""

from dataclasses import replace

import pytest

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning import gpu_share, kv_cache, memory, weights
from launcher.planning.hardware import GIB
from launcher.planning.memory import ParallelSizes, Workload
from tests.gpu_engine.models import MODELS
from tests.launcher.plans import plan

GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source=GPT_OSS_20B)
SMOL = from_config(CONFIGS["embedded"], source="embedded")
GEMMA = from_config(MODELS["gemma3-27b"], source="27b")
FRACTION = gpu_share.GPU_FRACTION


def load(
    model: ModelFacts = GPT_OSS,
    quantization: str | None = "mxfp4",
    sizes: ParallelSizes | None = None,
) -> Workload:
    return Workload(
        model=model,
        quantization=quantization,
        sizes=sizes or ParallelSizes(),
        max_model_len=6144,
        request_tokens=4608,
        sequences=16,
    )


@pytest.mark.parametrize(
    ("name", "quantization", "gb"),
    [
        ("gpt-oss-20b", "mxfp4", 13.76),
        ("gpt-oss-20b", None, 41.83),
        ("llama-8b", "bitsandbytes", 6.03),
        ("llama-70b-awq", "awq", 39.77),
    ],
)
def test_weights(name: str, quantization: str | None, gb: float) -> None:
    """As the published files weigh, in GB within one percent."""
    model = from_config(MODELS[name], source=name)

    assert weights.weight_bytes(model, quantization) / 1e9 == pytest.approx(gb, rel=0.01)


def test_files_that_are_there_are_believed() -> None:
    """The size of the files wins over the count, as long as they are served as they are; by vLLM's
    own rule float32 is loaded in 16 bits."""
    seen, wide = replace(GPT_OSS, weight_bytes=13 * GIB), replace(SMOL, dtype="float32")

    assert weights.weight_bytes(seen, "mxfp4") == 13 * GIB
    assert weights.weight_bytes(seen, None) == weights.weight_bytes(GPT_OSS, None)
    assert weights.weight_bytes(replace(wide, weight_bytes=GIB), None) == GIB / 2
    assert weights.weight_bytes(replace(wide, weight_bytes=GIB), None, "float32") == GIB
    assert weights.loaded_dtype(wide, "auto") == "bfloat16"


@pytest.mark.parametrize("kv_dtype", ["auto", "fp8"])
def test_a_model_in_float32(kv_dtype: str) -> None:
    """Weights take twice the memory, and so does a cache without a type of its own."""
    narrow = replace(load(SMOL, None), kv_dtype=kv_dtype)
    wide = replace(narrow, dtype="float32")

    assert wide.weights_gib == 2 * narrow.weights_gib
    assert wide.request_gib == (2 if kv_dtype == "auto" else 1) * narrow.request_gib


@pytest.mark.parametrize(
    ("cards", "dtype", "loaded"),
    [
        ("4x24,cc=7.5", "auto", "float32"),
        ("4x24,cc=8.6", "auto", "bfloat16"),
        ("4x24,cc=7.5", "float16", "float16"),
        ("4x24,cc=7.5", "float32", "float32"),
    ],
)
def test_models_that_float16_is_too_narrow_for(cards: str, dtype: str, loaded: str) -> None:
    """On GPUs without bfloat16 vLLM computes them in float32, and the plan counts that."""
    made = plan(cards, model=GEMMA, strict=False, dtype=dtype)

    assert made.dtype == loaded
    assert made.workload.weights_gib == pytest.approx(106 if loaded == "float32" else 53, rel=0.1)


def test_buffers_of_an_adapter() -> None:
    """0.21 GiB for gpt-oss-20b at rank 8, less a GPU on several."""
    assert weights.lora_bytes(GPT_OSS, 8, 1) / GIB == pytest.approx(0.21, abs=0.01)
    assert weights.lora_bytes(GPT_OSS, 8, 4) < weights.lora_bytes(GPT_OSS, 8, 1)


@pytest.mark.parametrize(("tokens", "held"), [(320, 320), (5000, 1024)])
def test_a_window_holds_no_more_than_a_request_has(tokens: int, held: int) -> None:
    """A request of 320 tokens fills 320 of a window of 1,024, in 52 layers of Gemma's 62; groups
    of layers are padded to ten, so that a window of all of the context costs 70. A window that is
    longer than the context is none."""
    layer = kv_cache.kv_bytes_per_layer(GEMMA, "auto")
    full = 10 * -(-tokens // 16) * 16
    wide = replace(GEMMA, sliding_window=1_000_000)
    phi = MODELS["gemma3-27b"]["text_config"] | {"sliding_window": 262_144}

    assert kv_cache.request_bytes(GEMMA, tokens) == (full + 52 * held) * layer
    assert kv_cache.longest_bytes(wide, 1600, 0) == (10 * 100 + 60 * 101) * 16 * layer
    assert from_config(phi, source="wide").sliding_layers == 0


@pytest.mark.parametrize(
    ("quantization", "gib", "fits"),
    [("mxfp4", 16, False), ("mxfp4", 24, True), (None, 40, False), (None, 48, True)],
)
def test_the_readmes_gpu_rows(quantization: str | None, gib: float, fits: bool) -> None:
    """FP16 wants 40-50 GB and 4 bits 24 GB; 16 would do were it not for the kernel's padding."""
    assert memory.on_gpus(load(quantization=quantization), gib, FRACTION).fits is fits


@pytest.mark.parametrize(("ram", "fits"), [(32, False), (64, True)])
def test_the_readmes_cpu_row(ram: float, fits: bool) -> None:
    """Unpacked to bfloat16 the default model wants about 64 GB of memory."""
    assert memory.on_cpu(load(quantization=None), ram, ram, 8).fits is fits


def test_the_verdict_counts_requests() -> None:
    """The room left after the weights decides how many there are at once; --max-num-seqs lets in no
    more than 16."""
    small = memory.on_gpus(load(), 16, 0.97)
    large = memory.on_gpus(load(), 141, FRACTION)
    one = replace(small, max_concurrent=1)

    assert (small.starts, small.fits) == (True, False)
    assert small.verdict.startswith(f"Starts, with room for only {small.max_concurrent} concurrent")
    assert large.verdict == "Fits: 16 concurrent requests of 4,608 tokens."
    assert one.verdict.startswith(
        "Starts, with room for only one request of 4,608 tokens at a time;"
    )
    assert replace(one, max_concurrent=0).verdict == "Does not fit."


def test_the_heaviest_stage_has_one_of_the_two_large_matrices() -> None:
    """And half of the layers; ranks beyond the KV heads hold copies of them."""
    stage = load(sizes=ParallelSizes(1, 2)).weights_per_device_gib
    embedding = GPT_OSS.vocab * GPT_OSS.hidden * 2 / GIB

    assert stage == pytest.approx((12.799 - 2 * embedding) / 2 + embedding, rel=0.001)
    assert load(replace(SMOL, kv_heads=1, heads=8), None, ParallelSizes(4)).kv_share == 1
