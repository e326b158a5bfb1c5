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
    lacks_notice = measured.needs_notice and not measured.has_notice
    is_back = measured.status_after == ANSWERED
    return Verdict(
        {
            "During a hold a question was not refused with the operator's reason.": not is_held,
            "During a hold an emergency raised no notice.": lacks_notice,
            "After the release the question was not answered.": not is_back,
        },
        "`mmhie hold` takes the model out of service, and `mmhie release` puts it back.",
        f"held: {measured.status_held}; released: {measured.status_after}",
        f"held: {REFUSED}; released: {ANSWERED}",
    )


CHECK: Final = Check("hold", HoldAndRelease, measure, judge)
