"""SmolLM2 in four bits: checkpoints made by auto-round, and weights packed while they load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from launcher.planning.hardware import detect
from tests.models import quantized, smollm2
from tests.models.quantized import Method
from tests.real.serving import Served, serving

pytestmark = pytest.mark.slow  # three engines, one after another

QUESTION = "What is the capital of France?"
Quantization = Method | Literal["bitsandbytes"]
PACKED: tuple[Method, ...] = ("gptq", "awq")
# The engine's kernel that unpacks them is AVX-512 on a CPU.
needs_avx512 = pytest.mark.skipif(not detect().avx512, reason="this processor has no AVX-512")
METHODS = (*(pytest.param(name, marks=needs_avx512) for name in PACKED), "bitsandbytes")


def checkpoint(method: Quantization) -> Path:
    """A packed checkpoint, or 16-bit weights for bitsandbytes to pack."""
    return smollm2.model() if method == "bitsandbytes" else quantized.model(method)


@pytest.fixture(scope="module", params=METHODS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One engine for each method."""
    method: Quantization = request.param
    folder = tmp_path_factory.mktemp(method)
    with serving(folder, checkpoint(method), MMHIE_QUANTIZE=method) as running:
        yield running


def test_the_format_is_told(served: Served) -> None:
    """Health, provenance and plan name the quantization that runs, which is the one asked for; four
    bits are enough for the capital of France."""
    wanted = served.settings["MMHIE_QUANTIZE"]
    answer = served.generate(QUESTION, max_tokens=16).json()

    assert "Paris" in answer["text"]
    assert served.stack.health()["served"]["quantization"] == wanted
    assert answer["mmhie"]["provenance"]["quantization"] == wanted
    assert served.plan()["quantization"] == wanted
    assert not [warning for warning in served.stack.health()["warnings"] if "QUANTIZE" in warning]
