"""Plans for GPUs, judged by the locked GPU build of vLLM: planned is taken, refused is refused."""

from typing import Final

import pytest

from tests.gpu_engine.cards import CARDS
from tests.gpu_engine.conftest import Judge, Verdict
from tests.gpu_engine.matrix import Case, Planned

pytestmark = pytest.mark.slow

# vLLM's configuration takes these; what it would do later is in the sentence of the plan.
STRICTER_THAN_CONFIGURATION: Final = (
    # vllm/platforms/interface.py, `check_if_supports_dtype`: asked when the worker starts.
    "this GPU is older than bfloat16",
    # v1/attention/backends: where a layer is made (test_kernels.py asks them).
    "no attention kernel that reads an 8-bit cache",
    # the models' own code: widths and KV heads are divided when layers are made.
    "does not divide this model",
)


@pytest.fixture(scope="module")
def verdicts(planned: dict[Case, Planned], judge: Judge) -> dict[Case, tuple[Planned, Verdict]]:
    """Each case with its plan and what the engine says to it."""
    return {case: (plan, judge(case.card, plan.line)) for case, plan in planned.items()}


def test_what_is_planned_is_taken(verdicts: dict[Case, tuple[Planned, Verdict]]) -> None:
    """No planned command line is refused by the engine's parser or configuration."""
    wrong = [
        (case, verdict["refusal"])
        for case, (plan, verdict) in verdicts.items()
        if plan.refusal is None and verdict["refusal"]
    ]

    assert wrong == []


def test_what_is_taken_is_planned(verdicts: dict[Case, tuple[Planned, Verdict]]) -> None:
    """No plan refuses what the engine takes, but for reasons its configuration does not see."""
    wrong = [
        (case, plan.refusal)
        for case, (plan, verdict) in verdicts.items()
        if plan.refusal is not None
        and not verdict["refusal"]
        and not any(reason in plan.refusal for reason in STRICTER_THAN_CONFIGURATION)
    ]

    assert wrong == []


def test_a_step_is_as_large_as_the_engines(
    verdicts: dict[Case, tuple[Planned, Verdict]],
) -> None:
    """The estimate counts with the tokens and requests that vLLM takes in one step."""
    for case, (plan, verdict) in verdicts.items():
        if plan.step is not None and not verdict["refusal"]:
            assert {name: verdict[name] for name in plan.step} == plan.step, case
            assert verdict["has_prefix_cache"], case


def test_the_matrix_is_whole(verdicts: dict[Case, tuple[Planned, Verdict]]) -> None:
    """Both verdicts occur on every card: a judge that says yes to all would prove nothing."""
    for card in CARDS:
        here = [verdict for case, (_, verdict) in verdicts.items() if case.card == card]
        assert {bool(verdict["refusal"]) for verdict in here} == {True, False}, card
