"""Nobody gets an answer without a key."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import CHAT, GENERATE, Target

REFUSED: Final = 401
STRANGERS: Final = {"without a key": None, "with an unknown key": "mmhie-nobody-has-this-key"}


@dataclass(frozen=True, slots=True)
class StrangerAccess:
    """Status of each request that should be refused, by what was asked and how."""

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
            for path, body in requests(target.facts.model).items():
                answer = await stranger.request("POST" if body else "GET", path, body)
                statuses[f"{path} {how}"] = answer.status_code
    return StrangerAccess(statuses)


def requests(model: str) -> dict[str, dict[str, object] | None]:
    """Return the body for each path that a stranger tries."""
    messages = [{"role": "user", "content": QUESTIONS[0]}]
    chat: dict[str, object] = {"model": model, "messages": messages, "max_tokens": 1}
    return {GENERATE: {"prompt": QUESTIONS[0], "max_tokens": 1}, CHAT: chat, "/v1/models": None}


def judge(measured: StrangerAccess) -> Verdict:
    """All are refused."""
    answered, count = measured.answered, len(measured.statuses)
    return Verdict(
        {f"Not refused with {REFUSED}: {'; '.join(answered)}.": answered},
        "Without a key, and with an unknown one, nothing is answered.",
        f"{count - len(answered)} of {count} refused",
        f"all {REFUSED}",
    )


CHECK: Final = Check("access", measure, judge)
