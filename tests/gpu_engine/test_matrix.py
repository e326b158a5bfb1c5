"""Plans for GPUs beside the verdict of the locked GPU build of vLLM on each of their lines."""

from typing import Final

import pytest

from launcher.serving.refusals import with_remedy
from launcher.serving.startup_log import root_cause
from tests.gpu_engine.cards import CARDS
from tests.gpu_engine.conftest import Judge, Verdict
from tests.gpu_engine.matrix import Case, Planned

pytestmark = pytest.mark.slow

# vLLM's configuration takes these, and ends when it makes layers.
STRICTER_THAN_CONFIGURATION: Final = ("does not divide this model",)


@pytest.fixture(scope="module")
def verdicts(planned: dict[Case, Planned], judge: Judge) -> dict[Case, tuple[Planned, Verdict]]:
    """Each case with its plan and what the engine says to it."""
    return {case: (plan, judge(case.card, plan.line)) for case, plan in planned.items()}


def test_what_is_planned_is_taken(verdicts: dict[Case, tuple[Planned, Verdict]]) -> None:
    """But for a format that somebody asks for, and one that the engine no longer reads. Its words
    then get a remedy."""
    refused = {
        case: verdict["refusal"]
        for case, (plan, verdict) in verdicts.items()
        if plan.refusal is None and verdict["refusal"]
    }
    causes = {case: root_cause(text.splitlines()) or "" for case, text in refused.items()}

    assert {case.model for case in refused if case.is_plain} == {"llama-8b-gptq-act"}
    assert not {cause for cause in causes.values() if with_remedy(cause) == cause}


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
