"""Check that chest pain raises a notice on every surface, and "no chest pain" raises none."""

from typing import Final

import httpx2

from assurance.acceptance.check import ask_each
from assurance.acceptance.prompts import EMERGENCY, NO_EMERGENCY
from assurance.acceptance.surfaces import is_in, surfaces
from assurance.acceptance.target import GENERATE, CheckFailed, CheckRequest, Target

HEADER: Final = "x-mmhie-notices"


async def check(target: Target) -> str:
    """Pass if every surface has notice and note, and no notice comes without an emergency."""
    whole = await target.post(GENERATE, {"prompt": EMERGENCY})
    if not whole["notices"]:
        raise CheckFailed("Chest pain in a question raises no notice")
    note = str(whole["mmhie"].get("emergency_note") or "")
    message = str(whole["notices"][0].get("message") or "")

    def lack(_: CheckRequest, answer: httpx2.Response) -> str:
        if not (answer.headers.get(HEADER) and is_in(answer.text, message)):
            return "notice"
        return "" if is_in(answer.text, note) else "line on whom to call"

    asked = list(surfaces(target.facts, EMERGENCY))
    await ask_each(target, asked, "Chest pain is not noticed on", lack)
    quiet = await target.send(CheckRequest("quiet", GENERATE, {"prompt": NO_EMERGENCY}))
    if needless := quiet.headers.get(HEADER):
        raise CheckFailed(f"A question without chest pain raises {needless}")
    return f"On all {len(asked)} surfaces chest pain raises a notice. The line on answers: {note}"
