"""Keys and values of latent attention and of layers with a window."""

from dataclasses import replace

import pytest

from launcher.models.config import from_config
from launcher.planning import kv_cache
from launcher.planning.hardware import GIB
from launcher.planning.memory import ParallelSizes, Workload
from tests.gpu_engine.models import MODELS

DEEPSEEK = from_config(MODELS["deepseek-v3"], source="v3")
GEMMA = from_config(MODELS["gemma3-27b"], source="27b")


def test_latent_attention_caches_one_latent() -> None:
    """0.065 GiB for 1,000 tokens of DeepSeek-V3, on every GPU: there is one for all heads."""
    token = kv_cache.kv_bytes_per_token(DEEPSEEK)

    assert 1000 * token / GIB == pytest.approx(0.0655, abs=0.0005)
    assert Workload(DEEPSEEK, "fp8", ParallelSizes(8), 4096, 4096, 16).kv_share == 1


def test_layers_with_a_window() -> None:
    """Every sixth of Gemma 3's 62 layers is full."""
    assert (GEMMA.full_layers, GEMMA.sliding_layers) == (10, 52)


@pytest.mark.parametrize(("tokens", "held"), [(320, 320), (5000, 1024)])
def test_a_window_holds_no_more_than_a_request_has(tokens: int, held: int) -> None:
    """A request of 320 tokens fills 320 of a window of 1,024."""
    layer = kv_cache.kv_bytes_per_layer(GEMMA, "auto")
    full = 10 * -(-tokens // 16) * 16

    assert kv_cache.request_bytes(GEMMA, tokens) == (full + 52 * held) * layer


@pytest.mark.parametrize(("window", "sliding"), [(262_144, 0), (131_072, 0), (4096, 52)])
def test_a_window_of_the_whole_context_is_none(window: int, sliding: int) -> None:
    """Phi-3 names a window that is longer than its context: its layers are full ones."""
    text = MODELS["gemma3-27b"]["text_config"] | {"sliding_window": window}

    assert from_config(text, source="wide").sliding_layers == sliding


def test_groups_of_layers_are_padded() -> None:
    """52 sliding layers are six groups of ten: a window of all of Gemma 3's context costs 70."""
    layer = kv_cache.kv_bytes_per_layer(GEMMA, "auto")
    wide = replace(GEMMA, sliding_window=1_000_000)
    windows = kv_cache.longest_bytes(wide, 1600, 0)

    assert windows == (10 * 100 + 60 * 101) * 16 * layer
