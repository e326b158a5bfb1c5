"""Chest pain in a question raises a notice on every surface; "no chest pain" raises none."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.checks.disclaimer import answers, is_in
from assurance.acceptance.prompts import EMERGENCY, NO_EMERGENCY
from assurance.acceptance.target import GENERATE, CheckRequest, Target

HEADER: Final = "x-mmhie-notices"


@dataclass(frozen=True, slots=True)
class Notices:
    """Notices and emergency note of an emergency; the number of surfaces, and those where either
    is missing; the notices of a question without an emergency."""

    messages: tuple[str, ...]
    note: str
    surfaces: int
    missing: tuple[str, ...]
    without_cause: str


async def measure(target: Target) -> Notices:
    """Ask about chest pain on every surface, and once say that there is none."""
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
    """Every surface has a notice and the note, and nothing raises a notice without a cause."""
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
