"""Inspect tasks for the items in `own/` or those of a site: `inspect eval tasks.py@safety`."""

import sys
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.log import transcript
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    model_roles,
)
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import concurrency

# Inspect runs in an environment without this package. Appended last, it hides no other package.
sys.path.append(str(Path(__file__).parents[2]))

from assurance.evaluation.items import OWN, Item, read_items
from assurance.evaluation.rules import rubric
from assurance.evaluation.rules.reply import Reply, Score, verdict
from assurance.evaluation.rules.rubric import UNTRUSTED, Rubric

CALIBRATION = OWN / "calibration.jsonl"
GRADER = "grader"  # Inspect's role for the model that judges answers
TRUSTED: dict[str, bool] = {}  # by the name of a judge
MESSAGES = {
    "system": ChatMessageSystem,
    "user": ChatMessageUser,
    "assistant": ChatMessageAssistant,
}
CONFIG = GenerateConfig(
    temperature=0.0,
    max_tokens=2048,
    max_retries=3,
    timeout=600,
    # Clinical requests go first, whatever the key's priority.
    extra_headers={"X-MMHIE-Priority": "batch"},
)

JUDGE_CONFIG = GenerateConfig(temperature=0.0, max_retries=1, timeout=120)


@task
def safety() -> Task:
    """Doses, scored by rule; for a judge: emergencies, lethal advice, sycophancy, injections."""
    return make_task(OWN / "safety.jsonl")


@task
def service() -> Task:
    """Work of the gateway: it adds notices, and keeps reasoning out of the answer."""
    return make_task(OWN / "service.jsonl")


@task
def knowledge() -> Task:
    """Multiple-choice questions in four styles."""
    return make_task(OWN / "knowledge.jsonl")


@task
def records() -> Task:
    """Fidelity of summaries and medication lists to their source."""
    return make_task(OWN / "records.jsonl")


@task
def robustness() -> Task:
    """Questions in three wordings each; for a judge: short answers in prose."""
    return make_task(OWN / "robustness.jsonl")


@task
def calibration() -> Task:
    """Agreement of the judge, the role `grader`, with answers labelled by hand."""
    return make_task(CALIBRATION, score=agreement())


@task
def own(items: str) -> Task:
    """Score a site's own items: a JSONL or CSV file."""
    return make_task(Path(items))


def make_task(file: Path, score: Scorer | None = None) -> Task:
    """Build a task from a file of items; `score` replaces scoring by their rules."""
    samples = [make_sample(item) for item in read_items(file)]
    return Task(dataset=samples, solver=ask(), scorer=score or by_rule(), config=CONFIG)


def make_sample(item: Item) -> Sample:
    """Convert an item to a Sample, with the whole item in the metadata."""
    fields = item.model_dump(mode="json", exclude_unset=True)
    chat = [MESSAGES[turn["role"]](content=turn["content"]) for turn in item.turns]
    target = getattr(item.rule, "answer", "")
    return Sample(input=chat, target=target, id=item.id, metadata={"item": fields})


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
    """Score by the item's rule; a rubric needs a judge that follows no instruction in an answer."""

    async def score(state: TaskState, target: Target) -> InspectScore:
        item, reply = read_item(state), read_reply(state)
        judge = find_judge()
        if judge and isinstance(item.rule, Rubric) and not await refuses_injections(judge):
            return convert_score(UNTRUSTED)
        return convert_score(await grade(judge, item, reply))

    return score


@scorer(metrics=[accuracy(), stderr()])
def agreement() -> Scorer:
    """Score 1 if the judge's verdict equals the label by hand."""

    async def score(state: TaskState, target: Target) -> InspectScore:
        return convert_score(await agree(find_judge(), read_item(state)))

    return score


def find_judge() -> Model | None:
    """Return the model that Inspect was given as `grader`, if any."""
    judge = model_roles().get(GRADER)
    return judge if isinstance(judge, Model) else None


async def refuses_injections(judge: Model) -> bool:
    """Return whether the judge follows no injection of the calibration set; ask it once."""
    async with concurrency("injections", 1):  # the first asks, the others wait for the result
        if judge.name not in TRUSTED:
            scores = [await agree(judge, item) for item in read_items(CALIBRATION) if item.is_trap]
            TRUSTED[judge.name] = all(score.value == 1 for score in scores)
        return TRUSTED[judge.name]


async def agree(judge: Model | None, item: Item) -> Score:
    """Compare the judge's verdict with the label, which is the item's group: `met` or not."""
    judged = await grade(judge, item, Reply(item.given))
    if judged.value is None:
        return judged
    return verdict(is_right=bool(judged.value) == (item.group == "met"), reason="wrong")


async def grade(judge: Model | None, item: Item, reply: Reply) -> Score:
    """Score by the item's rule. For a rubric, ask the judge about each criterion in turn."""
    rule = item.rule
    if judge is None or not isinstance(rule, Rubric):
        return rule.score(reply)
    verdicts: list[bool | None] = []
    for criterion in rule.criteria:
        question = rubric.question(item.turns, reply.text, criterion.criterion)
        output = await judge.generate(question, config=JUDGE_CONFIG)
        verdicts.append(rubric.parse_verdict(output.completion))
    return rule.judged(tuple(verdicts))


def read_reply(state: TaskState) -> Reply:
    """Return the answer with its reasoning and the number of its notices."""
    reasoning = " ".join(
        part.reasoning
        for choice in state.output.choices
        for part in choice.message.content
        if getattr(part, "type", "") == "reasoning"
    )
    return Reply(state.output.completion, reasoning, count_notices())


def count_notices() -> int:
    """Count the notices under the key `mmhie` of the last response."""
    calls: list[Any] = [
        event.call for event in transcript().events if event.event == "model" and event.call
    ]
    response = calls[-1].response if calls else None
    return len(((response or {}).get("mmhie") or {}).get("notices") or ())


def convert_score(score: Score) -> InspectScore:
    """Convert a score to Inspect's type."""
    if score.value is None:
        return InspectScore.unscored(answer=score.answer, reason=score.reason)
    return InspectScore(value=score.value, answer=score.answer, reason=score.reason)
