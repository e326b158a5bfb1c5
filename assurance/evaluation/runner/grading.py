"""The judge: asked for each criterion, twice where it says nothing clear, and never trusted with
more than a verdict."""

from typing import Any

from inspect_ai.model import GenerateConfig, Model, get_model

from assurance.evaluation.rules import rubric
from assurance.evaluation.rules.reply import Reply, Score
from assurance.evaluation.rules.rubric import Rubric
from launcher.json_types import Json

ATTEMPTS = 2
SERVICE = "judge"  # the key comes in JUDGE_API_KEY, the address in JUDGE_BASE_URL
CONFIG = GenerateConfig(temperature=0, max_tokens=2048, max_retries=1, timeout=120)


class JudgeDown(Exception):
    """The judge gives no answer."""


def judge_of(job: Json) -> Model | None:
    """Return the judge's model; None where the site names none."""
    if not job["judge"]:
        return None
    name = f"openai-api/{SERVICE}/{job['judge']['model']}"
    # the HTTP client does not retry: Inspect does
    return get_model(name, base_url=job["judge"]["url"], config=CONFIG, max_retries=0)


async def graded(judge: Model, rule: Rubric, turns: list[Any], reply: Reply) -> Score:
    """Return the score; unscored where the judge is down or says nothing clear."""
    verdicts: list[bool | None] = []
    for criterion in rule.criteria:
        asked = rubric.question(turns, reply.text, criterion.criterion)
        try:
            verdicts.append(await verdict(judge, asked))
        except JudgeDown:
            return Score(None, "judge down")
        if verdicts[-1] is None:
            break
    return rule.judged(tuple(verdicts))


async def verdict(judge: Model, asked: str) -> bool | None:
    """Return the first clear verdict."""
    for _ in range(ATTEMPTS):
        said = rubric.verdict_of(await answer(judge, asked))
        if said is not None:
            return said
    return None


async def answer(judge: Model, asked: str) -> str:
    """Return what the judge says; raise JudgeDown."""
    try:
        return str((await judge.generate(asked)).completion)
    except Exception as error:  # whatever Inspect's client raises, the evaluation goes on
        raise JudgeDown from error
