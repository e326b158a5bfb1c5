"""Chest pain in a question raises a notice that names whom to call; its absence raises none."""

from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.checks.disclaimer import answers, is_in
from assurance.acceptance.prompts import EMERGENCY, NO_EMERGENCY
from assurance.acceptance.target import GENERATE, Target

HEADER: Final = "x-mmhie-notices"


@dataclass(frozen=True, slots=True)
class Notices:
    """Words on an emergency: the notices, the line on every answer, the contact that the operator
    names; the surfaces, those of them where either is missing, and what an ordinary question has.
    """

    messages: tuple[str, ...]
    note: str
    contact: str
    surfaces: int
    missing: tuple[str, ...]
    without_cause: str

    @property
    def names_contact(self) -> bool:
        return all(self.contact in text for text in (*self.messages, self.note))


async def measure(target: Target) -> Notices:
    """Ask of chest pain on every surface, and once of none."""
    if target.settings.audience == "off":
        raise NotApplicable("MMHIE_AUDIENCE is off, so that no notice is given")
    whole = await target.gateway.json(GENERATE, {"prompt": EMERGENCY})
    note = str(whole["mmhie"].get("emergency_note") or "")
    asked = list(answers(target.facts, EMERGENCY))
    missing = []
    for name, (method, path, body, headers, _) in asked:
        answer = await target.gateway.request(method, path, body, **headers)
        if not (answer.headers.get(HEADER) and is_in(answer.text, note)):
            missing.append(name)
    quiet = await target.gateway.request("POST", GENERATE, {"prompt": NO_EMERGENCY})
    return Notices(
        tuple(notice["message"] for notice in whole["notices"]),
        note,
        target.settings.emergency_contact or "",
        len(asked),
        tuple(missing),
        quiet.headers.get(HEADER, ""),
    )


def judge(measured: Notices) -> Verdict:
    """A notice on every surface, with the contact that is set, and none without a cause."""
    names = measured.contact or "no number, since MMHIE_EMERGENCY_CONTACT is not set"
    missing, needless = measured.missing, measured.without_cause
    lacks_contact = not measured.names_contact
    return Verdict(
        {
            "Chest pain in a question raises no notice.": not measured.messages,
            f"Notice or emergency note does not name {measured.contact}.": lacks_contact,
            f"No notice, or not whom to call, on: {'; '.join(missing)}.": missing,
            f"A question without chest pain raises {needless}.": needless,
        },
        f"On all {measured.surfaces} surfaces chest pain raises a notice; it names {names}.",
        f"{measured.surfaces - len(missing)} of {measured.surfaces}: {measured.note}",
        "all, with whom to call",
    )


CHECK: Final = Check("notice", Notices, measure, judge)
