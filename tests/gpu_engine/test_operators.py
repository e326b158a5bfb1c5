"""Plans as operators ask for them, beside what the locked GPU build of vLLM makes of each."""

from collections import defaultdict
from typing import Any

import pytest

from launcher.planning.plan import EnginePlan
from tests.gpu_engine.cards import CARDS
from tests.gpu_engine.models import MODELS, write
from tests.gpu_engine.operators import WISHES, Wish, planned
from tests.gpu_engine.wheel import ask_judge

pytestmark = pytest.mark.slow

COUNT = 8  # cards that vLLM finds, whatever the plan uses of them
Judged = dict[Wish, tuple[EnginePlan, dict[str, Any]]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The plan of each wish, and the verdict on it; vLLM is imported once for all."""
    folder = tmp_path_factory.mktemp("operators")
    for name, config in MODELS.items():
        write(folder / name, config)
    by_card: dict[str, list[Wish]] = defaultdict(list)
    for wish in WISHES:
        by_card[wish.card].append(wish)
    plans = {wish: planned(wish, folder) for wish in WISHES}
    asked = [
        {"card": CARDS[card].facts(COUNT), "lines": [line_of(plans[wish]) for wish in wishes]}
        for card, wishes in by_card.items()
    ]
    verdicts = ask_judge(asked, folder)
    return {
        wish: (plans[wish], verdict)
        for wishes, told in zip(by_card.values(), verdicts, strict=True)
        for wish, verdict in zip(wishes, told, strict=True)
    }


def line_of(made: EnginePlan) -> list[str]:
    """The planned words, as vLLM's parser sees them."""
    return [part for part in made.argv if part not in ("vllm", "serve")]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_engine_makes_of_it_what_is_planned(wish: Wish, judged: Judged) -> None:
    """Sizes, batches, formats and context."""
    made, verdict = judged[wish]
    expected = {
        "refusal": None,
        "batched_tokens": made.workload.batched_tokens,
        "sequences": made.workload.sequences,
        "dtype": made.dtype,
        "max_model_len": made.context.max_model_len,
        "kv_cache_dtype": made.workload.kv_dtype,
        "has_prefix_cache": "--no-enable-prefix" not in wish.arguments,
        "sizes": [made.sizes.tensor, made.sizes.pipeline, 1],
    }

    assert {name: verdict.get(name) for name in expected} == expected
