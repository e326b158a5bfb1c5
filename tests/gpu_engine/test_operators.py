"""Plans as operators ask for them, beside what the locked GPU build of vLLM makes of each."""

import pytest

from launcher.planning.plan import EnginePlan
from launcher.planning.weights import loaded_dtype
from tests.gpu_engine import matrix
from tests.gpu_engine.conftest import Judge
from tests.gpu_engine.operators import WISHES, Wish

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_engine_makes_of_it_what_is_planned(
    wish: Wish, wished: dict[Wish, EnginePlan], judge: Judge
) -> None:
    """Sizes, batches, formats and context."""
    made = wished[wish]
    verdict = judge(wish.card, matrix.line_of(made))
    decided = made.decisions
    dtype = loaded_dtype(made.model, decided.dtype or "auto")
    expected = {
        "refusal": None,
        **matrix.step_of(decided),
        "dtype": dtype,
        "max_model_len": made.max_model_len,
        "kv_cache_dtype": decided.workload.kv_dtype,
        "has_prefix_cache": "--no-enable-prefix" not in wish.arguments,
        "sizes": [made.tensor_parallel, made.pipeline_parallel, 1],
    }

    assert {name: verdict.get(name) for name in expected} == expected
