"""Fixed synthetic prompts: nothing of a patient is in an acceptance run."""

from typing import Any, Final

QUESTIONS: Final = ("What is a fever?", "Name a sign of anaemia.", "How is asthma treated?")
# Long enough for an adapter to show in the probabilities of its tokens.
PASSAGE: Final = (
    "A fever is a body temperature above 38 degrees. It is often a sign of an infection. "
    "Paracetamol lowers it; antibiotics help against bacteria only, and a clinician decides."
)
# Beside the passage in the batch; of different lengths, so that the batch changes while it runs.
NEIGHBOURS: Final = tuple(f"{'Wash your hands. ' * (number + 1)}Then" for number in range(8))
TOOL: Final[dict[str, Any]] = {
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
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"answer": {"type": "integer", "minimum": 0, "maximum": 100}},
    "required": ["answer"],
    "additionalProperties": False,
}
SCHEMA_QUESTION: Final = QUESTIONS[0]
