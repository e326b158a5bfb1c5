"""Layers of gpt-oss as the locked GPU build of vLLM makes them on a card, beside what plans say."""

from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from launcher.errors import PlanError
from launcher.models.families import LORA_TARGETS
from launcher.planning import weights
from tests.gpu_engine.adapters import ADAPTERS
from tests.gpu_engine.cards import CARDS
from tests.gpu_engine.models import MODELS, write
from tests.gpu_engine.test_kernels import hardware
from tests.gpu_engine.wheel import ask, environment, with_flashinfer
from tests.launcher.plans import plan

pytestmark = pytest.mark.slow

MODEL: Final = "gpt-oss-20b"
PADDED: Final = [[3072, 2944]]
OWN: Final = [[2880, 2880]]
# Attention, expert kernels and their widths, where FlashInfer's kernels are not there.
CHOSEN: Final = {
    "a100": ("TRITON_ATTN", "MARLIN", PADDED),
    "l4": ("TRITON_ATTN", "MARLIN", PADDED),
    "h100": ("FLASH_ATTN", "TRITON", OWN),
    "b200": ("FLASH_ATTN", "TRITON", OWN),
}
# The same with them, as in vLLM's own image.
CHOSEN_IN_IMAGE: Final = {
    "h100": ("FLASH_ATTN", "TRITON", OWN),
    "b200": ("FLASHINFER", "FLASHINFER_TRTLLM_MXFP4_BF16", PADDED),
}
# vLLM reads these adapters, and leaves out what it does not know of.
SILENTLY_WRONG: Final = {"kasa"}

Answers = dict[str, Any]


def asked(folder: Path, cards: list[str], variables: dict[str, str]) -> Answers:
    """The wheel's answers for these cards, and its verdict on the adapters in this folder."""
    questions = {
        "model": str(folder / MODEL),
        "cards": {name: CARDS[name].facts(1) for name in cards},
        "adapters": sorted(map(str, (folder / "adapters").iterdir())),
    }
    loaded: Answers = ask("layers.py", questions, folder, variables, CARDS[cards[0]].facts(1))
    return loaded


def prepared(folder: Path) -> Path:
    write(folder / MODEL, MODELS[MODEL])
    (folder / "adapters").mkdir()
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model's configuration and every adapter."""
    made = prepared(tmp_path_factory.mktemp("layers"))
    for name, adapter in ADAPTERS.items():
        adapter.write(made / "adapters" / name)
    return made


@pytest.fixture(scope="module")
def answers(folder: Path) -> Answers:
    """Return the wheel's answers on a machine without FlashInfer's kernels."""
    return asked(folder, list(CHOSEN), environment(folder / "cache"))


@pytest.fixture(scope="module")
def in_image(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Return the wheel's answers where FlashInfer's kernels are compiled already."""
    folder = prepared(tmp_path_factory.mktemp("image"))
    return asked(folder, list(CHOSEN_IN_IMAGE), with_flashinfer(environment(folder / "cache")))


def kernels(found: Answers, card: str) -> tuple[str, str, list[list[int]]]:
    layers = found["cards"][card]["plain"]
    (attention,), (experts,) = layers["attention"], layers["experts"]
    return attention, experts, layers["widths"]


@pytest.mark.parametrize("card", CHOSEN)
def test_kernels_of_a_card(answers: Answers, card: str) -> None:
    """Each capability has the kernels that the estimate pads for."""
    assert kernels(answers, card) == CHOSEN[card]


@pytest.mark.parametrize("card", CHOSEN_IN_IMAGE)
def test_kernels_of_a_card_in_the_image(in_image: Answers, card: str) -> None:
    """With FlashInfer, Blackwell has kernels of its own, and Hopper goes without."""
    assert kernels(in_image, card) == CHOSEN_IN_IMAGE[card]


def test_no_kernel_is_padded_beyond_the_estimate(answers: Answers, in_image: Answers) -> None:
    """The estimate pads for every card as the widest kernel does."""
    wide = weights._round_up(2880, weights.PADDED_HIDDEN)
    expert = weights._round_up(2880, weights.PADDED_INTERMEDIATE)

    assert [[wide, expert]] == PADDED
    for answer in (*answers["cards"].values(), *in_image["cards"].values()):
        assert answer["plain"]["widths"] in (PADDED, OWN)
        assert answer["adapter"]["widths"] == PADDED


@pytest.mark.parametrize("card", CHOSEN)
def test_an_8_bit_cache(answers: Answers, in_image: Answers, card: str) -> None:
    """A card that does not take one gets a sentence at the first layer."""
    here = answers["cards"][card]["8-bit cache"]

    if here["refusal"]:
        assert "FP8 KV cache is not supported" in here["refusal"]
        return
    with_kernels = in_image["cards"].get(card, {}).get("8-bit cache", here)
    assert (here["cache"], with_kernels["cache"]) == (["fp8"], ["fp8"])


@pytest.mark.parametrize("card", CHOSEN)
def test_modules_that_take_an_adapter(answers: Answers, in_image: Answers, card: str) -> None:
    """Attention, router and experts, by Marlin; neither embeddings nor output head."""
    source = in_image if card in CHOSEN_IN_IMAGE else answers
    layers = source["cards"][card]["adapter"]

    assert layers["adapter_modules"] == LORA_TARGETS["gpt_oss"]["taken"]
    assert not set(layers["adapter_modules"]) & set(LORA_TARGETS["gpt_oss"]["refused"])
    assert layers["experts"] == ["MARLIN"]


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters(answers: Answers, folder: Path, name: str) -> None:
    """The engine refuses an adapter exactly where the plan does."""
    source = folder / "adapters" / name
    made = partial(plan, hardware("a100"), reasoner_model=source, merge_adapter=False)
    refusal = answers["adapters"][str(source)]

    assert not (refusal and name in SILENTLY_WRONG)
    if refusal or name in SILENTLY_WRONG:
        with pytest.raises(PlanError, match="The adapter"):
            made()
    else:
        assert "--enable-lora" in made().argv


def test_adapters_of_both_kinds(answers: Answers) -> None:
    """Some are taken and some refused: a reader that says the same to all would prove nothing."""
    assert {bool(adapter) for adapter in answers["adapters"].values()} == {True, False}
