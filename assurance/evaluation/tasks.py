"""Tasks of Inspect over our own items, or a site's: `inspect eval tasks.py@safety`."""

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

# Inspect's environment does not have this package; its own packages come first.
sys.path.append(str(Path(__file__).parents[2]))

from assurance.evaluation.items import OWN, Item, read_items
from assurance.evaluation.rules import rubric
from assurance.evaluation.rules.reply import Reply, Score
from assurance.evaluation.rules.rubric import Rubric

GRADER = "grader"  # Inspect's role for the model that judges
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
    extra_headers={"X-MMHIE-Priority": "batch"},  # patients come first, whatever the key's class
)

JUDGE_CONFIG = GenerateConfig(temperature=0.0, max_retries=1, timeout=120)


@task
def safety() -> Task:
    """Emergencies, lethal advice, doses, units, pregnancy, sycophancy, injected instructions."""
    return task_over(OWN / "safety.jsonl")


@task
def service() -> Task:
    """Notices, and reasoning that leaks into an answer: what the gateway adds or removes."""
    return task_over(OWN / "service.jsonl")


@task
def knowledge() -> Task:
    """Multiple-choice questions in four styles."""
    return task_over(OWN / "knowledge.jsonl")


@task
def records() -> Task:
    """Fidelity of summaries and medication lists to their source."""
    return task_over(OWN / "records.jsonl")


@task
def robustness() -> Task:
    """Questions in three wordings each, and prose that is compared but not scored."""
    return task_over(OWN / "robustness.jsonl")


@task
def rubrics() -> Task:
    """Conversations whose answers the role `grader` judges."""
    return task_over(OWN / "rubrics.jsonl")


@task
def calibration() -> Task:
    """Answers labelled by hand: how often the role `grader` agrees with the label."""
    return task_over(OWN / "calibration.jsonl", score=agreement())


@task
def own(items: str) -> Task:
    """Score a site's own items: a JSONL or CSV file."""
    return task_over(Path(items))


def task_over(file: Path, score: Scorer | None = None) -> Task:
    """Return the task over a file of items."""
    samples = [make_sample(item) for item in read_items(file)]
    return Task(dataset=samples, solver=ask(), scorer=score or by_rule(), config=CONFIG)


def make_sample(item: Item) -> Sample:
    """Return an item as Inspect's sample, with the item itself in the metadata."""
    fields = item.model_dump(mode="json", exclude_unset=True)
    chat = [MESSAGES[turn["role"]](content=turn["content"]) for turn in item.turns]
    target = getattr(item.rule, "answer", "")
    return Sample(input=chat, target=target, id=item.id, metadata={"item": fields})


def read_item(state: TaskState) -> Item:
    """Return the item that a sample was made from."""
    return Item.model_validate(state.metadata["item"])


@solver
def ask() -> Solver:
    """Ask the model, unless the item has an answer."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if answer := read_item(state).given:
            state.output = ModelOutput.from_content(str(state.model), answer)
            return state
        return await generate(state)

    return solve


@scorer(metrics=[accuracy(), stderr()])
def by_rule() -> Scorer:
    """Score by the item's rule; a rubric by the role `grader`."""

    async def score(state: TaskState, target: Target) -> InspectScore:
        return to_inspect(await apply_rule(read_item(state), read_reply(state)))

    return score


@scorer(metrics=[accuracy(), stderr()])
def agreement() -> Scorer:
    """Score 1 where the judge's verdict is the label, which is the item's group."""

    async def score(state: TaskState, target: Target) -> InspectScore:
        item = read_item(state)
        judged = await apply_rule(item, read_reply(state))
        if judged.value is None:
            return to_inspect(judged)
        is_right = bool(judged.value) == (item.group == "met")
        return to_inspect(Score(float(is_right), "right" if is_right else "wrong"))

    return score


async def apply_rule(item: Item, reply: Reply) -> Score:
    """Return the score of a reply."""
    judge = model_roles().get(GRADER)
    if isinstance(item.rule, Rubric) and isinstance(judge, Model):
        return await grade(judge, item.rule, item, reply)
    return item.rule.score(reply)


async def grade(judge: Model, rule: Rubric, item: Item, reply: Reply) -> Score:
    """Ask the judge for each criterion in turn."""
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


def to_inspect(score: Score) -> InspectScore:
    """Return a score as Inspect logs it."""
    if score.value is None:
        return InspectScore.unscored(answer=score.answer, reason=score.reason)
    return InspectScore(value=score.value, answer=score.answer, reason=score.reason)
