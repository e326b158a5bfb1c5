"""Tasks of Inspect made from a job: dataset, solver, scorer."""

import hashlib
import hmac
import os
import time

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant as Assistant
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    ContentReasoning,
    GenerateConfig,
    ModelOutput,
)
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from assurance.evaluation.items import Item
from assurance.evaluation.rules.phrases import normal
from assurance.evaluation.rules.reply import Reply, Score
from assurance.evaluation.rules.rubric import Rubric
from assurance.evaluation.runner import grading, surfaces
from assurance.evaluation.runner.model import REFUSED, client
from launcher.json_types import Json

MAKERS = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": Assistant}
SURFACE = "surface"


class OutOfTime(Exception):
    """The budget is spent: the item is left for --resume."""


def task_of(job: Json, task: Json) -> Task:
    """Return one task of the job."""
    items = [Item.model_validate(item) for item in task["items"]]
    return Task(
        name=task["name"],
        dataset=MemoryDataset([sample(item) for item in items], name=task["name"]),
        solver=asked(job),
        scorer=ruled(job),
        config=GenerateConfig(max_retries=3, timeout=600),
    )


def sample(item: Item) -> Sample:
    """Return an item as Inspect has it."""
    return Sample(
        input=[MAKERS[turn["role"]](content=turn["content"]) for turn in item.turns],
        target=getattr(item.rule, "answer", ""),
        id=item.id,
        metadata={"item": item.model_dump(mode="json")},
    )


@solver  # type: ignore[untyped-decorator]  # Inspect is not installed here
def asked(job: Json) -> Solver:
    """Ask the item on its surface, unless its answer is given."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if time.time() > float(os.environ["MMHIE_DEADLINE"]):
            raise OutOfTime
        item = Item.model_validate(state.metadata["item"])
        if item.given:
            state.output = ModelOutput.from_content(job["model"], item.given)
            return state
        if item.surface != "generate":
            wanted = surfaces.request(item.surface, job["model"], item.turns)
            async with client() as opened:
                state.metadata[SURFACE] = await surfaces.ask(opened, wanted, job["disclaimer"])
            return state
        return await generate(state)

    return solve


@scorer(metrics=[accuracy(), stderr()])  # type: ignore[untyped-decorator]  # as above
def ruled(job: Json) -> Scorer:
    """Score by the item's rule, a rubric by the judge."""
    judge = grading.judge_of(job)

    async def score(state: TaskState, target: Target) -> InspectScore:
        item, reply = Item.model_validate(state.metadata["item"]), reply_of(state)
        if was_refused(state):
            score = Score(None, REFUSED)
        elif isinstance(item.rule, Rubric) and judge:
            score = await grading.graded(judge, item.rule, item.turns, reply)
        else:
            score = item.rule.score(reply)
        return as_inspects(score, digest(reply.text))

    return score


def was_refused(state: TaskState) -> bool:
    """Return whether the service refused the request."""
    return bool(state.output.choices) and REFUSED in (state.output.message.metadata or {})


def reply_of(state: TaskState) -> Reply:
    """Return what the client received."""
    if other := state.metadata.get(SURFACE):
        return Reply(other["text"], has_disclaimer=other["has_disclaimer"])
    if was_refused(state):
        return Reply("")
    message = state.output.message
    parts = message.content if isinstance(message.content, list) else []
    reasoning = " ".join(part.reasoning for part in parts if isinstance(part, ContentReasoning))
    return Reply(state.output.completion, reasoning, **(message.metadata or {}))


def as_inspects(found: Score, digest: str) -> InspectScore:
    """Return a score as Inspect logs it."""
    more = {"reason": found.reason, "digest": digest}
    if found.value is None:
        return InspectScore.unscored(answer=found.answer, metadata=more)
    return InspectScore(value=found.value, answer=found.answer, metadata=more)


def digest(text: str) -> str:
    """Return the keyed digest of an answer, by which two reports see that answers are the same."""
    key = os.environ.get("MMHIE_DIGEST_KEY", "").encode()
    return hmac.new(key, normal(text).encode(), hashlib.sha256).hexdigest()[:16]
