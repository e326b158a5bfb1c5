"""Plans as operators ask for them, beside what the locked GPU build of vLLM makes of each."""

from collections import defaultdict
from typing import Any, Final

import pytest

from launcher.planning.plan import EnginePlan
from tests.gpu_engine.cards import CARDS
from tests.gpu_engine.models import MODELS, write
from tests.gpu_engine.operators import MOST, WISHES, Wish, planned, planned_where_it_fits
from tests.gpu_engine.wheel import ask_judge

pytestmark = pytest.mark.slow

Plans = dict[Wish, EnginePlan]
Verdict = dict[str, Any]
# Cards of which eight do not hold a model.
SMALL: Final = ("t4", "a10", "l4", "a100-40", "l40s", "rtx3090", "rtx4090", "rtx5090")
TOO_SMALL: Final = {
    "llama-70b": {"t4"},
    "gemma3-27b": {"t4"},  # in float32
    "qwen3-235b-a22b": {*SMALL},
    "deepseek-v3": {*SMALL, "a100", "h100"},
}
# The plan has no table of what a GPU's kernels lack: before weights are read, vLLM itself says so.
REFUSED_BY_THE_ENGINE: Final = {("t4", "gpt-oss-20b"), ("t4", "gpt-oss-120b")}


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Plans:
    """The plan of each wish, and of each model on the fewest of each card that hold it."""
    folder = tmp_path_factory.mktemp("operators")
    for name, config in MODELS.items():
        write(folder / name, config)
    cards = [card for card in CARDS if not card.endswith("-mig")]
    grid = [planned_where_it_fits(card, model, folder) for card in cards for model in MODELS]
    return {**{wish: planned(wish, folder) for wish in WISHES}, **dict(grid)}


@pytest.fixture(scope="module")
def verdicts(plans: Plans, tmp_path_factory: pytest.TempPathFactory) -> dict[Wish, Verdict]:
    """The verdict of vLLM on those that fit; it is imported once for all."""
    by_card: dict[str, list[Wish]] = defaultdict(list)
    for wish, made in plans.items():
        if made.refusal is None or wish in WISHES:
            by_card[wish.card].append(wish)
    asked = [
        {"card": CARDS[card].facts(MOST), "lines": [line_of(plans[wish]) for wish in wishes]}
        for card, wishes in by_card.items()
    ]
    told = ask_judge(asked, tmp_path_factory.mktemp("judge"))
    return {
        wish: verdict
        for wishes, answers in zip(by_card.values(), told, strict=True)
        for wish, verdict in zip(wishes, answers, strict=True)
    }


def line_of(made: EnginePlan) -> list[str]:
    """The planned words, as vLLM's parser sees them."""
    return [part for part in made.argv if part not in ("vllm", "serve")]


def expected(wish: Wish, made: EnginePlan) -> Verdict:
    """The plan by the names of the judge."""
    return {
        "refusal": None,
        "batched_tokens": made.workload.batched_tokens,
        "sequences": made.workload.sequences,
        "dtype": made.dtype,
        "max_model_len": made.context.max_model_len,
        "kv_cache_dtype": made.workload.kv_dtype,
        "has_prefix_cache": "--no-enable-prefix" not in wish.arguments,
        "sizes": [made.sizes.tensor, made.sizes.pipeline, 1],
    }


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_engine_makes_of_it_what_is_planned(
    wish: Wish, plans: Plans, verdicts: dict[Wish, Verdict]
) -> None:
    """Sizes, batches, formats and context."""
    assert verdicts[wish] == expected(wish, plans[wish])


@pytest.mark.parametrize("model", MODELS)
def test_every_card_that_holds_a_model(
    model: str, plans: Plans, verdicts: dict[Wish, Verdict]
) -> None:
    """On the fewest of each, the engine makes of it what is planned; eight of the others are too
    few."""
    ours = {wish: made for wish, made in plans.items() if str(wish).split() == [wish.gpus, model]}
    refused = {wish.card for wish, made in ours.items() if made.refusal is not None}
    differing = {
        str(wish): verdicts[wish]
        for wish in ours.keys() & verdicts.keys()
        if verdicts[wish] != expected(wish, ours[wish])
        and (wish.card, model) not in REFUSED_BY_THE_ENGINE
    }

    assert refused == TOO_SMALL.get(model, set())
    assert differing == {}
