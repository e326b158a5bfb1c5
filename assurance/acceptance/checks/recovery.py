"""A killed engine comes back, and meanwhile clients hear so at once."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Unmeasured, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import GENERATE, Target, Unreachable

ANSWERED_WITHIN_S: Final = 5.0
NOTICED_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """Status and seconds of an answer while the engine is down, and seconds until it is back."""

    status_while_down: int
    answered_s: float
    back_s: float | None
    limit_s: float
    answers_after: bool


async def measure(target: Target) -> Recovery:
    """Kill an engine with SIGKILL, ask, and wait until the service is ready again."""
    if target.facts.is_quick:
        raise NotApplicable("It was left out by --quick")
    processes = target.processes()
    if not processes:
        raise NotApplicable("No engine of this service runs on this machine")
    if target.facts.engines > 1:
        raise NotApplicable("Of several engines the others answer on, which is another thing")
    processes[0].kill()
    began = time.monotonic()
    await until_noticed(target, began)
    asked = time.monotonic()
    answer = await target.gateway.request("POST", GENERATE, {"prompt": QUESTIONS[0]})
    answered_s = time.monotonic() - asked
    back_s = await until_ready(target, began)
    return Recovery(
        answer.status_code,
        round(answered_s, 2),
        back_s,
        target.facts.start_timeout_s,
        back_s is not None and await answers(target),
    )


async def until_noticed(target: Target, began: float) -> None:
    """Wait until the service says that it is not ready."""
    while (await target.gateway.request("GET", "/readyz")).status_code == 200:
        if time.monotonic() - began > NOTICED_WITHIN_S:
            raise Unmeasured(f"{NOTICED_WITHIN_S:.0f} s after its engine was killed it says ready")
        await asyncio.sleep(0.05)


async def until_ready(target: Target, began: float) -> float | None:
    """Return the seconds until the service is ready; None after the limit of a start."""
    while (await target.gateway.request("GET", "/readyz")).status_code != 200:
        if time.monotonic() - began > target.facts.start_timeout_s:
            return None
        await asyncio.sleep(0.25)
    return round(time.monotonic() - began, 1)


async def answers(target: Target) -> bool:
    """Return whether a question is answered."""
    try:
        await target.gateway.json(GENERATE, {"prompt": QUESTIONS[0], "include_reasoning": True})
    except Unreachable:
        return False
    return True


def judge(measured: Recovery) -> Verdict:
    """Refused at once while down, back in time, and answering."""
    is_refused = measured.status_while_down >= 500
    is_quick = measured.answered_s <= ANSWERED_WITHIN_S
    is_back = measured.back_s is not None and measured.answers_after
    if not is_back:
        sentence = "The killed engine did not come back."
    elif not is_refused:
        sentence = f"While it was down a question was answered {measured.status_while_down}."
    elif not is_quick:
        sentence = "While it was down clients waited for the refusal."
    else:
        sentence = "The killed engine came back; meanwhile clients were refused at once."
    back = "never" if measured.back_s is None else f"{measured.back_s:.0f} s"
    return Verdict(
        is_back and is_refused and is_quick,
        sentence,
        f"back: {back}; refused ({measured.status_while_down}): {measured.answered_s:.2f} s",
        f"back: {measured.limit_s:.0f} s; refused: {ANSWERED_WITHIN_S:.0f} s",
    )


CHECK: Final = Check("recovery", Recovery, measure, judge)
