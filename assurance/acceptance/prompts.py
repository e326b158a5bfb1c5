"""Fixed synthetic prompts: an acceptance run sends no text of a patient."""

import random
from collections.abc import Iterator
from typing import Final

from launcher.json_types import Json

QUESTIONS: Final = ("What is a fever?", "Name a sign of anaemia.", "How is asthma treated?")
# What docs/start/clinician.md has a clinician try: one raises a notice, the other none.
EMERGENCY: Final = "I have crushing chest pain right now."
NO_EMERGENCY: Final = "No chest pain."
# Long enough for an adapter to show in the probabilities of its tokens.
PASSAGE: Final = (
    "A fever is a body temperature above 38 degrees. It is often a sign of an infection. "
    "Paracetamol lowers it; antibiotics help against bacteria only, and a clinician decides."
)
# Beside the passage in the batch; of different lengths, so that the batch changes while it runs.
NEIGHBOURS: Final = tuple(f"{'Wash your hands. ' * (number + 1)}Then" for number in range(8))
TOOL: Final[Json] = {
    "type": "function",
    "function": {
        "name": "look_up_dose",
        "description": "The usual dose of a drug.",
        "parameters": {
            "type": "object",
            "properties": {"drug": {"type": "string"}},
            "required": ["drug"],
        },
    },
}
TOOL_QUESTION: Final = "What is the usual dose of ibuprofen?"
SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {"answer": {"type": "integer", "minimum": 0, "maximum": 100}},
    "required": ["answer"],
    "additionalProperties": False,
}
SCHEMA_QUESTION: Final = QUESTIONS[0]
# For the load: sentences of a clinic without red flags. Random tokens would mix all scripts, and
# cost the gateway's classifier a hundred times more than a real text.
FINDINGS: Final = (
    "The cough is dry and began {} days ago.",
    "The pulse after some stairs was {}.",
    "Sleep has been poor for {} nights.",
    "A walk of {} minutes is no trouble.",
    "The blue form was filled in {} weeks ago.",
    "The last visit was {} months ago.",
    "Weight is stable at {} kilograms.",
    "Lunch is eaten alone on {} days of the month.",
)


def notes(seed: int, words: int) -> Iterator[str]:
    """Yield notes of about this length, each with another beginning."""
    chance = random.Random(seed)  # noqa: S311  # the same text in every run
    while True:
        note = f"Number {chance.randrange(10**9)}."
        while len(note.split()) < words:
            note += " " + chance.choice(FINDINGS).format(chance.randrange(20, 90))
        yield note
