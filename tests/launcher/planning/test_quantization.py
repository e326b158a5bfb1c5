"""The whole matrix: what is asked x checkpoint x device x plugin."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import get_args

import pytest

from launcher.errors import PlanError
from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.planning.hardware import Hardware, parse
from launcher.planning.installation import Installation
from launcher.planning.quantization import Platform, Quantization, choose_quantization
from launcher.settings import Quantize

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
    place = Platform("cuda" if hardware.gpus else "cpu", hardware, installed)
    return choose_quantization(wanted, model, place)


@pytest.mark.parametrize(
    ("wanted", "model", "hardware", "method", "flag"),
    [
        ("none", GPT_OSS, A100, "mxfp4", None),
        ("mxfp4", GPT_OSS, A100, "mxfp4", None),
        ("none", GPT_OSS, AMX, "mxfp4", None),
        ("none", DENSE, CPU, None, None),
        ("none", DENSE, T4, None, None),
        ("bitsandbytes", DENSE, A100, "bitsandbytes", "bitsandbytes"),
        ("bitsandbytes", DENSE, CPU, "bitsandbytes", "bitsandbytes"),
        ("fp8", DENSE, H100, "fp8", "fp8_per_tensor"),
        ("mxfp4", DENSE, A100, "mxfp4", "mxfp4"),
        ("none", checkpoint("gptq"), CPU, "gptq", None),
        ("gptq", checkpoint("gptq"), CPU, "gptq", None),
        ("gptq", checkpoint("gptq", 8), A100, "gptq", None),
        ("awq", checkpoint("awq"), CPU, "awq", None),
        ("awq", checkpoint("awq"), T4, "awq", None),
        (PACKED, checkpoint(PACKED, 8), CPU, PACKED, None),
        ("none", checkpoint(PACKED), CPU, PACKED, None),
        ("none", checkpoint("awq"), CPU, "awq", None),
        # nothing of theirs is unpacked by the kernel that needs AVX-512
        ("none", checkpoint(PACKED, 8), AVX2, PACKED, None),
        ("none", checkpoint("bitsandbytes"), AVX2, "bitsandbytes", None),
        ("fp8", checkpoint("fp8", 8), H100, "fp8", None),
        ("none", checkpoint("bitsandbytes"), A100, "bitsandbytes", None),
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
    ("wanted", "model", "hardware", "method", "reason"),
    [
        ("bitsandbytes", GPT_OSS, A100, "mxfp4", "already mxfp4"),
        ("gptq", GPT_OSS, A100, "mxfp4", "already mxfp4"),
        ("awq", GPT_OSS, A100, "mxfp4", "already mxfp4"),
        ("gguf", GPT_OSS, A100, "mxfp4", "already mxfp4"),
        ("fp8", GPT_OSS, A100, "mxfp4", "already mxfp4"),
        ("gptq", DENSE, CPU, None, "needs a checkpoint made with gptq"),
        ("awq", DENSE, A100, None, "needs a checkpoint made with awq"),
        ("compressed-tensors", DENSE, A100, None, "made with compressed-tensors"),
        ("gguf", DENSE, A100, None, "made with gguf"),
        ("mxfp4", DENSE, T4, None, "compute capability 8.0"),
        ("fp8", DENSE, CPU, None, "no kernels on the CPU"),
        ("mxfp4", DENSE, CPU, None, "no kernels on the CPU"),
        ("bitsandbytes", checkpoint("gptq"), A100, "gptq", "already gptq"),
    ],
)
def test_what_falls_back(
    wanted: str, model: ModelFacts, hardware: Hardware, method: str | None, reason: str
) -> None:
    """The checkpoint's own format runs instead, the warning says why."""
    choice = ask(wanted, model, hardware)

    assert choice.method == method
    assert reason in choice.warnings[0]
    assert f"MMHIE_QUANTIZE={wanted}" in choice.warnings[0]


@pytest.mark.parametrize(
    ("wanted", "model", "hardware", "installed", "reason"),
    [
        ("none", GPT_OSS, T4, PLUGINS, "compute capability 8.0"),
        ("none", checkpoint("fp8", 8), CPU, PLUGINS, "no kernels on the CPU"),
        ("none", checkpoint("mxfp4"), AMX, PLUGINS, "no kernels on the CPU"),
        ("none", checkpoint("bitsandbytes"), A100, BARE, "pip install --no-deps vllm-bnb-plugin"),
        ("none", checkpoint("gguf"), A100, BARE, "pip install --no-deps vllm-gguf-plugin"),
        ("none", replace(GPT_OSS, quantization="gptq"), A100, PLUGINS, "cannot load gpt-oss"),
        ("none", replace(GPT_OSS, quantization="awq"), CPU, PLUGINS, "cannot load gpt-oss"),
        ("none", replace(GPT_OSS, quantization="gguf"), A100, PLUGINS, "cannot load gpt-oss"),
        ("fp8", GPT_OSS, T4, PLUGINS, "compute capability 8.0"),
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


def test_a_missing_plugin_falls_back_with_the_install_line() -> None:
    """bitsandbytes on 16-bit weights: they run as they are, and the line to copy is there."""
    choice = ask("bitsandbytes", DENSE, A100, BARE)

    assert choice.method is None
    assert "pip install --no-deps vllm-bnb-plugin==0.0.3" in choice.warnings[0]


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


Cell = tuple[str, ModelFacts, Hardware, Installation]


def answer(cell: Cell) -> Quantization | str:
    """The choice, or the sentence of the refusal."""
    try:
        return ask(*cell)
    except PlanError as error:
        return str(error)


def everything() -> Iterator[Cell]:
    own = [None, *(name for name in get_args(Quantize) if name != "none")]
    models = [replace(base, quantization=method) for base in (GPT_OSS, DENSE) for method in own]
    places = (H100, A100, T4, CPU, AMX)
    yield from product(get_args(Quantize), models, places, (BARE, PLUGINS))


def test_every_cell_of_the_matrix_has_an_answer() -> None:
    """Run, run with a warning, or one sentence; and never a flag for a format already packed."""
    answers = [(cell, answer(cell)) for cell in everything()]

    choices = [(cell, found) for cell, found in answers if isinstance(found, Quantization)]
    sentences = [found for _, found in answers if isinstance(found, str)]
    assert len(choices) > 500
    assert len(sentences) > 400
    assert all(sentence.endswith(".") for sentence in sentences)
    for (wanted, model, _, _), choice in choices:
        assert choice.flag is None or model.quantization is None
        assert choice.method in (None, model.quantization, wanted)
        assert not (model.is_gpt_oss and choice.method in ("bitsandbytes", "gguf", "gptq", "awq"))
