"""The words of every check: it passes with a sentence, fails, or does not apply."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import httpx2

from assurance.acceptance.target import CheckFailed, CheckRequest, Target, message_of

Outcome = Literal["passed", "failed", "not applicable"]
Check = Callable[[Target], Awaitable[str]]  # returns the sentence of a pass
Lack = Callable[[CheckRequest, httpx2.Response], str]  # names what an answer lacks, if anything


class NotApplicable(Exception):
    """The check does not apply to this model or service; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check, in a sentence with what was measured."""

    check: str
    outcome: Outcome
    sentence: str


async def run_check(name: str, check: Check, target: Target) -> Finding:
    try:
        return Finding(name, "passed", await check(target))
    except NotApplicable as reason:
        return Finding(name, "not applicable", f"{reason}.")
    except CheckFailed as fault:
        return Finding(name, "failed", f"{fault}.")


async def ask_each(
    target: Target, requests: Sequence[CheckRequest], fault: str, lack: Lack | None = None
) -> None:
    """Send every request. Raises CheckFailed with those that are not answered as they should be."""
    faults = []
    for request in requests:
        answer = await target.send(request)
        if answer.status_code != request.status:
            faults.append(f"{request.name} ({answer.status_code}, not {request.status})")
        elif missing := (lack or lack_error)(request, answer):
            faults.append(f"{request.name} (no {missing})")
    if faults:
        raise CheckFailed(f"{fault}: {'; '.join(faults)}")


def lack_error(request: CheckRequest, answer: httpx2.Response) -> str:
    """Name the error object where a refusal has none."""
    return "error object" if request.status >= 400 and not message_of(answer) else ""
