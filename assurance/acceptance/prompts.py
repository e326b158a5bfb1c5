"""Fixed synthetic prompts: an acceptance run sends no text of a patient."""

from typing import Final

from launcher.json_types import Json

QUESTIONS: Final = ("What is a fever?", "Name a sign of anaemia.", "How is asthma treated?")
# What docs/start/clinician.md has a clinician try: one raises a notice, the other none.
EMERGENCY: Final = "I have crushing chest pain right now."
NO_EMERGENCY: Final = "No chest pain."
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
# For the load: a real text, since random tokens cost the gateway's classifier a hundred times more.
NOTE: Final = 2 * (
    "The cough is dry and began some days ago. The pulse after some stairs was normal. Sleep has "
    "been poor for a few nights. A walk of an hour is no trouble. The blue form was filled in last "
    "week. The last visit was in spring. Weight is stable. "
)
