"""The audit trail says afterwards who was answered what, without a word of it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Unmeasured, Verdict
from assurance.acceptance.prompts import EMERGENCY
from assurance.acceptance.target import GENERATE, Target
from launcher.errors import LauncherError
from launcher.json_types import Json

NEEDED: Final = ("time", "client", "model", "outcome", "prompt_digest", "output_digests")
WITHIN_S: Final = 5.0  # lines are written in batches


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Fields that the line of an answer lacks, the notices that were shown and those it names, and
    whether the question's text is in the trail."""

    lacking: tuple[str, ...]
    shown: tuple[str, ...]
    named: tuple[str, ...]
    has_text: bool


async def measure(target: Target) -> AuditLine:
    """Ask of an emergency, and look the answer up as an auditor does, with `mmhie audit`."""
    file = target.settings.audit_file
    if file is None:
        raise NotApplicable("MMHIE_AUDIT_FILE is not set, so that there is no audit trail")
    answer = await target.gateway.json(GENERATE, {"prompt": EMERGENCY})
    line = await line_of(target, answer["request_id"])
    await target.operate("audit", "verify")
    return AuditLine(
        tuple(name for name in NEEDED if not line.get(name)),
        tuple(notice["id"] for notice in answer["notices"]),
        tuple(line.get("notices") or ()),
        EMERGENCY in file.read_text(),
    )


async def line_of(target: Target, request_id: str) -> Json:
    """Return the trail's record of a request. Raises Unmeasured."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            shown = await target.operate("audit", "show", request_id)
            return dict(shown["lines"][0]["record"])
        except LauncherError as problem:
            if time.monotonic() > deadline:
                raise Unmeasured(str(problem).rstrip(".")) from None
            await asyncio.sleep(0.2)


def judge(measured: AuditLine) -> Verdict:
    """A whole line, the same notices, no text."""
    lacking = measured.lacking
    return Verdict(
        {
            f"The audit line of an answer lacks {', '.join(lacking)}.": lacking,
            "The audit line names other notices than were shown.": measured.shown != measured.named,
            "The question's text is in the audit trail.": measured.has_text,
        },
        "The audit trail has the answer's line, and is as it was written.",
        f"{len(NEEDED) - len(lacking)} of {len(NEEDED)} fields",
        "all, no text",
    )


CHECK: Final = Check("audit line", AuditLine, measure, judge)
