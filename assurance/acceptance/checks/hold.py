"""The operator takes the model out of service, and puts it back."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.checks.notice import HEADER
from assurance.acceptance.prompts import EMERGENCY
from assurance.acceptance.target import GENERATE, Target

REASON: Final = "acceptance run"
REFUSED, ANSWERED = 503, 200


@dataclass(frozen=True, slots=True)
class HoldAndRelease:
    """The answer during the hold, whether it told what it must, and the status afterwards."""

    status_held: int
    names_reason: bool
    has_notice: bool
    needs_notice: bool
    status_after: int


async def measure(target: Target) -> HoldAndRelease:
    """Ask of an emergency under `mmhie hold`, and again after `mmhie release`."""
    body = {"prompt": EMERGENCY}
    try:
        await target.operate("hold", "--reason", REASON)
        held = await target.gateway.request("POST", GENERATE, body)
    finally:
        await target.operate("release")
    after = await target.gateway.request("POST", GENERATE, body)
    return HoldAndRelease(
        held.status_code,
        REASON in held.text,
        bool(held.headers.get(HEADER)),
        target.settings.audience != "off",
        after.status_code,
    )


def judge(measured: HoldAndRelease) -> Verdict:
    """Refused with the reason and the notice, then answered."""
    is_held = measured.status_held == REFUSED and measured.names_reason
    has_notice = measured.has_notice or not measured.needs_notice
    if not is_held:
        sentence = "During a hold a question was not refused with the operator's reason."
    elif not has_notice:
        sentence = "During a hold an emergency raised no notice."
    elif measured.status_after != ANSWERED:
        sentence = "After the release the question was not answered."
    else:
        sentence = "`mmhie hold` takes the model out of service, and `mmhie release` puts it back."
    return Verdict(
        is_held and has_notice and measured.status_after == ANSWERED,
        sentence,
        f"held: {measured.status_held}; released: {measured.status_after}",
        f"held: {REFUSED}; released: {ANSWERED}",
    )


CHECK: Final = Check("hold", HoldAndRelease, measure, judge)
