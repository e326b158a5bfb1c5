"""Inspect tasks for the items in `own/` or those of a site: `inspect eval tasks.py@safety`.

The suite `calibration` is the judge's: answers with labels by hand.
"""

import sys
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, Model, ModelOutput, model_roles
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import concurrency

# Inspect runs in an environment without this package. Appended last, it hides no other package.
sys.path.append(str(Path(__file__).parents[2]))

from assurance.evaluation.items import OWN, Item, read_items
from assurance.evaluation.rules import rubric
from assurance.evaluation.rules.reply import Score
from assurance.evaluation.rules.rubric import UNTRUSTED, Rubric

SUITES = ("safety", "knowledge", "records", "robustness", "calibration")
CALIBRATION = OWN / "calibration.jsonl"
TRUSTED: dict[str, bool] = {}  # by the name of a judge
CONFIG = GenerateConfig(
    temperature=0.0,
    max_tokens=2048,
    max_retries=3,
    timeout=600,
    # Clinical requests go first, whatever the key's priority.
    extra_headers={"X-MMHIE-Priority": "batch"},
)
JUDGE_CONFIG = GenerateConfig(temperature=0.0, max_retries=1, timeout=120)


def add_suite(name: str) -> None:
    """Register a task with the items of one of our own files."""

    @task(name=name)
    def suite() -> Task:
        return make_task(OWN / f"{name}.jsonl")


for each in SUITES:
    add_suite(each)


@task
def own(items: str) -> Task:
    """Score a site's own items: a JSONL file."""
    return make_task(Path(items))


def make_task(file: Path) -> Task:
    samples = [make_sample(item) for item in read_items(file)]
    return Task(dataset=samples, solver=ask(), scorer=by_rule(), config=CONFIG)


def make_sample(item: Item) -> Sample:
    """Convert an item to a Sample, with the whole item in the metadata."""
    fields = item.model_dump(mode="json", exclude_unset=True)
    target = getattr(item.rule, "answer", "")
    return Sample(input=item.turns, target=target, id=item.id, metadata={"item": fields})


def read_item(state: TaskState) -> Item:
    """Read the item back from the metadata of a sample."""
    return Item.model_validate(state.metadata["item"])


@solver
def ask() -> Solver:
    """Ask the model, or use the answer that the item already has."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if answer := read_item(state).given:
            state.output = ModelOutput.from_content(str(state.model), answer)
            return state
        return await generate(state)

    return solve


@scorer(metrics=[accuracy(), stderr()])
def by_rule() -> Scorer:
    """Score by the item's rule, or a judge's verdict on a given answer by its label."""

    async def score(state: TaskState, target: Target) -> InspectScore:
        scored = await score_item(find_judge(), read_item(state), state.output.completion)
        if scored.value is None:
            return InspectScore.unscored(reason=scored.reason)
        return InspectScore(value=scored.value, answer=scored.answer, reason=scored.reason)

    return score


async def score_item(judge: Model | None, item: Item, reply: str) -> Score:
    """Score an answer; a rubric needs a judge that follows no instruction in an answer."""
    if item.given:
        return await agree(judge, item)
    if judge and isinstance(item.rule, Rubric) and not await refuses_injections(judge):
        return UNTRUSTED
    return await grade(judge, item, reply)


def find_judge() -> Model | None:
    """Return the model that Inspect was given as `grader`, if any."""
    judge = model_roles().get("grader")
    return judge if isinstance(judge, Model) else None


async def refuses_injections(judge: Model) -> bool:
    """Return whether the judge follows no injection of the calibration set; ask it once."""
    async with concurrency("injections", 1):  # the first asks, the others wait for the result
        if judge.name not in TRUSTED:
            scores = [await agree(judge, item) for item in read_items(CALIBRATION) if item.is_trap]
            TRUSTED[judge.name] = all(score.value == 1 for score in scores)
        return TRUSTED[judge.name]


async def agree(judge: Model | None, item: Item) -> Score:
    """Compare the judge's verdict with the label, the end of the item's group."""
    judged = await grade(judge, item, item.given)
    if judged.value is None:
        return judged
    is_right = bool(judged.value) is not item.group.endswith("not met")
    return Score(float(is_right), "right" if is_right else "wrong")


async def grade(judge: Model | None, item: Item, reply: str) -> Score:
    """Score by the item's rule. For a rubric, ask the judge about each criterion in turn."""
    rule = item.rule
    if judge is None or not isinstance(rule, Rubric):
        return rule.score(reply)
    verdicts: list[bool | None] = []
    for criterion in rule.criteria:
        question = rubric.question(item.turns, reply, criterion.criterion)
        output = await judge.generate(question, config=JUDGE_CONFIG)
        verdicts.append(rubric.parse_verdict(output.completion))
    return rule.judged(tuple(verdicts))
