"""Nobody gets an answer without a key."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CHAT, GENERATE, CheckRequest, Target

REFUSED: Final = 401
STRANGERS: Final = {"without a key": None, "with an unknown key": "mmhie-nobody-has-this-key"}


@dataclass(frozen=True, slots=True)
class StrangerAccess:
    """Status of each request that should be refused, by its path and its key."""

    statuses: dict[str, int]

    @property
    def answered(self) -> list[str]:
        return [name for name, status in self.statuses.items() if status != REFUSED]


async def measure(target: Target) -> StrangerAccess:
    """Ask without a key, and with one that does not exist."""
    if target.is_local and not target.key:
        raise NotApplicable("The address is on this machine, and no key was given (--key)")
    statuses = {}
    for how, key in STRANGERS.items():
        async with Target(target.url, key, target.facts) as stranger:
            for request in requests(target.facts.model):
                answer = await stranger.send(request)
                statuses[f"{request.path} {how}"] = answer.status_code
    return StrangerAccess(statuses)


def requests(model: str) -> Iterator[CheckRequest]:
    """Yield what a stranger tries."""
    messages = [{"role": "user", "content": QUESTIONS[0]}]
    yield CheckRequest("POST", GENERATE, {"prompt": QUESTIONS[0], "max_tokens": 1})
    yield CheckRequest("POST", CHAT, {"model": model, "messages": messages, "max_tokens": 1})
    yield CheckRequest("GET", "/v1/models")


def judge(measured: StrangerAccess) -> Verdict:
    """Every request is refused."""
    answered, count = measured.answered, len(measured.statuses)
    return Verdict(
        {f"Not refused with {REFUSED}: {'; '.join(answered)}.": answered},
        "Without a key, and with an unknown one, nothing is answered.",
        f"{count - len(answered)} of {count} refused",
        f"all {REFUSED}",
    )


CHECK: Final = Check("access", measure, judge)
