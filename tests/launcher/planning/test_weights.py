"""Memory that weights take on a GPU beyond the bytes of their files."""

import pytest

from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.planning.hardware import GIB
from launcher.planning.weights import lora_bytes, padding_bytes, weight_bytes
from tests.gpu_engine.models import MODELS

GPT_OSS = from_config(MODELS["gpt-oss-20b"], source="20b")
LARGE = from_config(MODELS["gpt-oss-120b"], source="120b")
DENSE = from_config(MODELS["llama-8b"], source="8b")


@pytest.mark.parametrize(("model", "gib"), [(GPT_OSS, 13.7), (LARGE, 65.9)])
def test_padded_experts(model: ModelFacts, gib: float) -> None:
    """2880 becomes 3072 and 2944: logged were 13.72 and 65.97 GiB."""
    padded = weight_bytes(model, "mxfp4") + padding_bytes(model, "mxfp4", 1)

    assert padded / GIB == pytest.approx(gib, abs=0.05)


def test_bitsandbytes_has_the_scales_of_small_groups() -> None:
    """4.5 bits a weight: each 64 have a scale in float32."""
    packed = weight_bytes(DENSE, "bitsandbytes") - 2 * (
        DENSE.embedding_parameters + DENSE.small_parameters
    )

    assert packed / DENSE.linear_parameters * 8 == pytest.approx(4.5)


def test_only_mxfp4_experts_are_padded() -> None:
    """Dense layers and other formats keep their shape."""
    assert padding_bytes(GPT_OSS, None, 1) == padding_bytes(DENSE, "mxfp4", 1) == 0


def test_narrower_experts_are_padded_more() -> None:
    """Of eight GPUs each has 360 columns, padded to 384: more in sum than one with 2944."""
    assert 8 * padding_bytes(GPT_OSS, "mxfp4", 8) > padding_bytes(GPT_OSS, "mxfp4", 1)


def test_buffers_of_an_adapter() -> None:
    """0.21 GiB for gpt-oss-20b at rank 8, nothing without an adapter, less a GPU on several."""
    assert lora_bytes(GPT_OSS, 8, 1) / GIB == pytest.approx(0.21, abs=0.01)
    assert lora_bytes(GPT_OSS, 0, 1) == 0
    assert lora_bytes(GPT_OSS, 8, 4) < lora_bytes(GPT_OSS, 8, 1)
