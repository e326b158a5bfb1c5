"""A clinician flags an answer, and the operator sees it."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.prompts import QUESTIONS
from assurance.acceptance.target import GENERATE, Target

PATH: Final = "/v1/mmhie/feedback"
FLAG: Final = {"category": "other", "severity": "low"}


@dataclass(frozen=True, slots=True)
class Flag:
    """Places that feedback on an answer reached: the operator's list, the audit trail."""

    is_listed: bool
    is_audited: bool
    needs_audit: bool


async def measure(target: Target) -> Flag:
    """Flag an answer, and look for the flag in `mmhie feedback list`."""
    if target.settings.feedback_file is None:
        raise NotApplicable("MMHIE_FEEDBACK_FILE is not set, so that no feedback is taken")
    answer = await target.gateway.json(GENERATE, {"prompt": QUESTIONS[0]})
    sent = {"request_id": answer["request_id"], **FLAG}
    receipt = await target.gateway.json(PATH, sent)
    listed = (await target.operate("feedback", "list"))["feedback"]
    return Flag(
        receipt["id"] in {entry["id"] for entry in listed},
        bool(receipt["audited"]),
        target.settings.audit_file is not None,
    )


def judge(measured: Flag) -> Verdict:
    """It is listed, and in the audit trail where there is one."""
    is_untold = measured.needs_audit and not measured.is_audited
    return Verdict(
        {
            "A flag on an answer is not in the operator's list.": not measured.is_listed,
            "The audit trail does not name a flag on an answer.": is_untold,
        },
        "A flag on an answer reaches the operator.",
        f"listed: {yes(measured.is_listed)}; audited: {yes(measured.is_audited)}",
        "listed, and audited if set",
    )


def yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


CHECK: Final = Check("feedback", Flag, measure, judge)
