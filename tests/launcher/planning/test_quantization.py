"""Requested format x checkpoint x device x plugin: one case for each kind of answer."""

from dataclasses import replace

import pytest

from launcher.errors import PlanError
from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning.hardware import Hardware, parse
from launcher.planning.installation import Installation
from launcher.planning.quantization import Quantization, choose_quantization

GPT_OSS = from_config(CONFIGS[GPT_OSS_20B], source="x")
DENSE = from_config(CONFIGS["embedded"], source="x")
PACKED = "compressed-tensors"
PLUGINS = Installation(plugins=frozenset({"bitsandbytes", "gguf"}))
BARE = Installation()
H100 = parse("1x80,cc=9.0")
A100 = parse("1x80,cc=8.0")
T4 = parse("1x16,cc=7.5")
CPU = parse("cpu,ram=64")
AMX = parse("cpu,ram=64,amx")
AVX2 = parse("cpu,ram=64,avx2")


def checkpoint(method: str, bits: int | None = 4) -> ModelFacts:
    return replace(DENSE, quantization=method, bits=bits)


def ask(
    wanted: str,
    model: ModelFacts,
    hardware: Hardware,
    installed: Installation = PLUGINS,
) -> Quantization:
    return choose_quantization(wanted, model, hardware, installed.plugins)


@pytest.mark.parametrize(
    ("wanted", "model", "hardware", "method", "flag"),
    [
        ("none", GPT_OSS, A100, "mxfp4", None),
        ("none", GPT_OSS, AMX, "mxfp4", None),
        ("none", DENSE, T4, None, None),
        ("bitsandbytes", DENSE, A100, "bitsandbytes", "bitsandbytes"),
        ("fp8", DENSE, H100, "fp8", "fp8_per_tensor"),
        ("gptq", checkpoint("gptq"), CPU, "gptq", None),
        # nothing of theirs is unpacked by the kernel that needs AVX-512
        ("none", checkpoint(PACKED, 8), AVX2, PACKED, None),
        ("gguf", checkpoint("gguf"), A100, "gguf", None),
        ("none", checkpoint("hqq"), CPU, "hqq", None),  # vLLM itself says no
    ],
)
def test_what_runs_as_asked(
    wanted: str, model: ModelFacts, hardware: Hardware, method: str | None, flag: str | None
) -> None:
    """A checkpoint's own format needs no flag; what is made while loading has one."""
    choice = ask(wanted, model, hardware)

    assert (choice.method, choice.flag, choice.warnings) == (method, flag, ())


@pytest.mark.parametrize(
    ("wanted", "model", "hardware", "installed", "reason"),
    [
        ("bitsandbytes", GPT_OSS, A100, PLUGINS, "already mxfp4"),
        ("gptq", DENSE, CPU, PLUGINS, "needs a checkpoint made with gptq"),
        ("fp8", DENSE, CPU, PLUGINS, "no kernels on the CPU"),
        ("bitsandbytes", DENSE, A100, BARE, "pip install --no-deps vllm-bnb-plugin==0.0.3"),
    ],
)
def test_what_falls_back(
    wanted: str, model: ModelFacts, hardware: Hardware, installed: Installation, reason: str
) -> None:
    """The checkpoint's own format runs instead, the warning says why."""
    choice = ask(wanted, model, hardware, installed)

    assert (choice.method, choice.flag) == (model.quantization, None)
    assert reason in choice.warnings[0]
    assert f"MMHIE_QUANTIZE={wanted}" in choice.warnings[0]


@pytest.mark.parametrize(
    ("wanted", "model", "hardware", "installed", "reason"),
    [
        ("none", checkpoint("fp8", 8), CPU, PLUGINS, "no kernels on the CPU"),
        ("none", checkpoint("bitsandbytes"), A100, BARE, "pip install --no-deps vllm-bnb-plugin"),
        ("none", checkpoint("gguf"), A100, BARE, "pip install --no-deps vllm-gguf-plugin"),
        # it would die at the first question
        *(("none", checkpoint(name), AVX2, PLUGINS, "AVX-512") for name in ("gptq", "awq", PACKED)),
    ],
)
def test_what_is_refused(
    wanted: str, model: ModelFacts, hardware: Hardware, installed: Installation, reason: str
) -> None:
    """A format that cannot run is refused in one sentence, with a missing plugin's install line."""
    with pytest.raises(PlanError, match=reason):
        ask(wanted, model, hardware, installed)


@pytest.mark.parametrize(
    ("wanted", "model", "reason"),
    [
        ("gguf", checkpoint("gguf"), "the CPU engine reads none"),
        ("none", GPT_OSS, "AMX"),  # the README's CPU example: the experts become bfloat16
    ],
)
def test_what_is_dequantized_once(wanted: str, model: ModelFacts, reason: str) -> None:
    """A checkpoint is made of what the CPU engine cannot read; of the made one nothing is said."""
    choice, made = ask(wanted, model, CPU, BARE), replace(DENSE, dequantized=True)

    assert (choice.method, choice.dequantize) == (None, True)
    assert reason in choice.reason
    assert ask("gguf", made, CPU, BARE).warnings == ()
