"""A killed engine comes back, and meanwhile clients hear so at once."""

import time
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Unmeasured, Verdict, seconds_until
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
    is_ready = target.gateway.is_ready
    if await seconds_until(is_ready, NOTICED_WITHIN_S, 0.05, wanted=False) is None:
        raise Unmeasured(f"{NOTICED_WITHIN_S:.0f} s after its engine was killed it says ready")
    asked = time.monotonic()
    answer = await target.gateway.request("POST", GENERATE, {"prompt": QUESTIONS[0]})
    answered_s = time.monotonic() - asked
    limit_s = target.facts.start_timeout_s
    left_s = limit_s - (time.monotonic() - began)
    waited_s = await seconds_until(is_ready, left_s, 0.25)
    back_s = None if waited_s is None else round(time.monotonic() - began, 1)
    return Recovery(
        answer.status_code,
        round(answered_s, 2),
        back_s,
        limit_s,
        back_s is not None and await answers(target),
    )


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
    status = measured.status_while_down
    back = "never" if measured.back_s is None else f"{measured.back_s:.0f} s"
    return Verdict(
        {
            "The killed engine did not come back.": not is_back,
            f"While it was down a question was answered {status}.": not is_refused,
            "While it was down clients waited for the refusal.": not is_quick,
        },
        "The killed engine came back; meanwhile clients were refused at once.",
        f"back: {back}; refused ({status}): {measured.answered_s:.2f} s",
        f"back: {measured.limit_s:.0f} s; refused: {ANSWERED_WITHIN_S:.0f} s",
    )


CHECK: Final = Check("recovery", Recovery, measure, judge)
