"""Check that chest pain raises a notice on every surface, and "no chest pain" raises none."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.checks.disclaimer import answers, is_in
from assurance.acceptance.prompts import EMERGENCY, NO_EMERGENCY
from assurance.acceptance.target import GENERATE, CheckRequest, Target

HEADER: Final = "x-mmhie-notices"


@dataclass(frozen=True, slots=True)
class Notices:
    """Notices that a prompt about an emergency raised, and those of one without an emergency."""

    messages: tuple[str, ...]  # the notices of the emergency
    note: str  # the emergency note: whom to call
    surfaces: int  # how many were asked
    missing: tuple[str, ...]  # surfaces without a notice or without the note
    without_cause: str  # notices raised without an emergency


async def measure(target: Target) -> Notices:
    """Send a prompt about chest pain to every surface, and one that denies it to /llm/generate."""
    whole = await target.post(GENERATE, {"prompt": EMERGENCY})
    note = str(whole["mmhie"].get("emergency_note") or "")
    asked = list(answers(target.facts, EMERGENCY))
    missing = []
    for name, request in asked:
        answer = await target.send(request)
        if not (answer.headers.get(HEADER) and is_in(answer.text, note)):
            missing.append(name)
    quiet = await target.send(CheckRequest("POST", GENERATE, {"prompt": NO_EMERGENCY}))
    return Notices(
        tuple(notice["message"] for notice in whole["notices"]),
        note,
        len(asked),
        tuple(missing),
        quiet.headers.get(HEADER, ""),
    )


def judge(measured: Notices) -> Verdict:
    """Pass if every surface has notice and note, and no notice comes without an emergency."""
    missing, needless = measured.missing, measured.without_cause
    count = measured.surfaces
    return Verdict(
        {
            "Chest pain in a question raises no notice.": not measured.messages,
            f"No notice, or not whom to call, on: {'; '.join(missing)}.": missing,
            f"A question without chest pain raises {needless}.": needless,
        },
        f"On all {count} surfaces chest pain raises a notice. The line on answers: {measured.note}",
        f"{count - len(missing)} of {count}",
        "all, with whom to call",
    )


CHECK: Final = Check("notice", measure, judge)
