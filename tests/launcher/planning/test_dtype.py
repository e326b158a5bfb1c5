"""The weights' dtype: as set, or one the GPU has, or refused with the remedy."""

from dataclasses import replace

import pytest

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning.dtype import choose_dtype
from launcher.planning.hardware import Device, Hardware, parse

DENSE = from_config(CONFIGS["embedded"], source="x")
GEMMA = replace(DENSE, model_type="gemma3_text")
GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source="x")
A100, T4, CPU = parse("1x80,cc=8.0"), parse("1x16,cc=7.5"), parse("cpu")


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
