"""The weights' dtype: as set, or one the GPU has, or refused with the remedy."""

from dataclasses import replace

import pytest

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning.dtype import choose_dtype, choose_kv_dtype, is_compiled_at_start
from launcher.planning.hardware import Device, Hardware, parse

DENSE = from_config(CONFIGS["embedded"], source="x")
GEMMA = replace(DENSE, model_type="gemma3_text")
GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source="x")
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
        ("bfloat16", DENSE, T4, "bfloat16"),  # vLLM itself says no
        ("bfloat16", GPT_OSS, A100, "bfloat16"),
    ],
)
def test_the_flag(wanted: str, model: ModelFacts, hardware: Hardware, flag: str | None) -> None:
    """vLLM's --dtype, or none where the checkpoint decides."""
    device: Device = "cuda" if hardware.gpus else "cpu"

    assert choose_dtype(wanted, model, hardware, device) == flag


@pytest.mark.parametrize("hardware", [L4, A100, T4])
def test_an_8_bit_cache(hardware: Hardware) -> None:
    """Asked for, it is passed on; on Ampere FlashInfer compiles for it. A CPU has 16 bits."""
    assert choose_kv_dtype("fp8", DENSE, hardware, "cuda") == "fp8"
    assert is_compiled_at_start("fp8", hardware) == (hardware != L4)
    assert choose_kv_dtype("auto", DENSE, hardware, "cuda") == "auto"
    assert choose_kv_dtype("fp8", DENSE, CPU, "cpu") == "auto"


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
