"""Check that nobody gets an answer without a key."""

from collections.abc import Iterator
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Survey, SurveyAnswer, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CHAT, GENERATE, CheckRequest, Target

REFUSED: Final = 401
STRANGERS: Final = {"without a key": None, "with an unknown key": "mmhie-nobody-has-this-key"}


async def measure(target: Target) -> Survey:
    """Ask without a key, and with one that does not exist."""
    if target.is_local and not target.key:
        raise NotApplicable("The address is on this machine, and no key was given (--key)")
    answers = []
    for how, key in STRANGERS.items():
        async with Target(target.url, key, target.facts) as stranger:
            for request in requests(target.facts.model):
                answer = await stranger.send(request)
                name = f"{request.path} {how}"
                answers.append(SurveyAnswer(name, answer.status_code, REFUSED))
    return Survey(tuple(answers))


def requests(model: str) -> Iterator[CheckRequest]:
    """Yield the requests that need a key."""
    messages = [{"role": "user", "content": QUESTIONS[0]}]
    yield CheckRequest("POST", GENERATE, {"prompt": QUESTIONS[0], "max_tokens": 1})
    yield CheckRequest("POST", CHAT, {"model": model, "messages": messages, "max_tokens": 1})
    yield CheckRequest("GET", "/v1/models")


def judge(measured: Survey) -> Verdict:
    """Pass if every request is refused."""
    right = "Without a key, and with an unknown one, nothing is answered."
    return measured.judge("Not refused", right, f"all {REFUSED}")


CHECK: Final = Check("access", measure, judge)
