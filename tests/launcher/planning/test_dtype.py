"""The weights' dtype: as set, or one the GPU has, or refused with the remedy."""

from dataclasses import replace

import pytest

from launcher.errors import PlanError
from launcher.models.config import from_config
from launcher.models.facts import LatentAttention, ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning.dtype import choose_dtype, choose_kv_dtype, is_compiled_at_start
from launcher.planning.hardware import Device, Hardware, parse

DENSE = from_config(CONFIGS["embedded"], source="x")
GEMMA = replace(DENSE, model_type="gemma3_text")
GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source="x")
LATENT = replace(DENSE, latent=LatentAttention(512, 64, 128, 128))
A100, T4, CPU = parse("1x80,cc=8.0"), parse("1x16,cc=7.5"), parse("cpu")
L4 = parse("1xl4")


@pytest.mark.parametrize(
    ("wanted", "model", "hardware", "flag"),
    [
        ("auto", DENSE, A100, None),
        ("auto", DENSE, CPU, None),
        ("auto", DENSE, T4, "float16"),
        ("auto", GEMMA, T4, "float32"),
        ("auto", replace(DENSE, dtype="float16"), T4, None),
        ("float16", DENSE, A100, "float16"),
        ("bfloat16", GPT_OSS, A100, "bfloat16"),
    ],
)
def test_the_flag(wanted: str, model: ModelFacts, hardware: Hardware, flag: str | None) -> None:
    """vLLM's --dtype, or none where the checkpoint decides."""
    device: Device = "cuda" if hardware.gpus else "cpu"

    assert choose_dtype(wanted, model, model.quantization, hardware, device) == flag


@pytest.mark.parametrize(
    ("wanted", "model", "method", "hardware", "reason"),
    [
        ("bfloat16", DENSE, None, T4, "older than bfloat16"),
        ("float16", GEMMA, None, A100, "numerically unstable in float16"),
        ("float16", GPT_OSS, "mxfp4", A100, "bfloat16 only; use MMHIE_DTYPE=auto"),
        ("auto", GEMMA, "fp8", T4, "no fp8 kernels for float32; use another GPU"),
        ("float32", DENSE, "modelopt", A100, "no modelopt kernels for float32"),
        ("float32", LATENT, None, A100, r"no latent attention \(MLA\) for float32"),
    ],
)
def test_what_the_engine_would_refuse(
    wanted: str, model: ModelFacts, method: str | None, hardware: Hardware, reason: str
) -> None:
    """Refused by the plan, with the remedy."""
    with pytest.raises(PlanError, match=reason):
        choose_dtype(wanted, model, method, hardware, "cuda")


@pytest.mark.parametrize(
    ("model", "hardware"),
    [(GPT_OSS, L4), (LATENT, L4), (DENSE, L4), (DENSE, A100)],
)
def test_an_8_bit_cache(model: ModelFacts, hardware: Hardware) -> None:
    """Natively from 8.9 on; on Ampere by FlashInfer, where attention is of the ordinary kind."""
    assert choose_kv_dtype("fp8", model, hardware, "cuda") == "fp8"
    assert is_compiled_at_start("fp8", hardware) == (hardware == A100)


@pytest.mark.parametrize(
    ("model", "hardware"), [(GPT_OSS, A100), (LATENT, A100), (DENSE, T4), (GPT_OSS, T4)]
)
def test_an_8_bit_cache_without_kernels(model: ModelFacts, hardware: Hardware) -> None:
    """vLLM would end after its start; on a CPU, and left to itself, the cache has 16 bits."""
    with pytest.raises(PlanError, match=r"MMHIE_KV_CACHE_DTYPE=fp8 cannot run: below .* 8\.9"):
        choose_kv_dtype("fp8", model, hardware, "cuda")

    assert choose_kv_dtype("auto", model, hardware, "cuda") == "auto"
    assert choose_kv_dtype("fp8", model, CPU, "cpu") == "auto"


def test_an_8_bit_cache_beside_float32() -> None:
    """FlashInfer has 16 bits only, so that Triton's kernels are left, from 8.9 on."""
    assert choose_kv_dtype("fp8", DENSE, L4, "cuda", "float32") == "fp8"
    with pytest.raises(PlanError, match=r"reads an 8-bit cache for float32; set it to auto"):
        choose_kv_dtype("fp8", DENSE, A100, "cuda", "float32")


@pytest.mark.parametrize(
    ("gpus", "model", "dtype"),
    [
        ("1xh100", DENSE, "fp8"),
        ("1xl4", DENSE, "fp8"),
        ("1xa100", GPT_OSS, "bfloat16"),
        ("1xa100", DENSE, "bfloat16"),
        ("1xt4", DENSE, "float16"),
    ],
)
def test_a_cache_that_the_checkpoint_asks_for(gpus: str, model: ModelFacts, dtype: str) -> None:
    """It has scales for 8 bits, which vLLM uses by itself, whatever the card can read."""
    own = replace(model, kv_dtype="fp8")

    assert choose_kv_dtype("auto", own, parse(gpus), "cuda") == dtype
    assert choose_kv_dtype("auto", own, parse(gpus), "cpu") == "auto"
    assert not is_compiled_at_start(dtype, parse(gpus))
