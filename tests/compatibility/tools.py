"""Schemas and tools whose answer is known: there is one drug to choose."""

from typing import Any, Final

DRUG: Final = {
    "type": "object",
    "properties": {"drug": {"enum": ["ibuprofen"]}},
    "required": ["drug"],
    "additionalProperties": False,
}
SCHEMA: Final = {"type": "json_schema", "json_schema": {"name": "answer", "schema": DRUG}}
TOOL: Final[dict[str, Any]] = {"type": "function", "function": {"name": "dose", "parameters": DRUG}}
STRICT: Final = {**TOOL, "function": {**TOOL["function"], "strict": True}}
SECOND: Final = {"type": "function", "function": {"name": "price", "parameters": DRUG}}
FLAT_TOOL: Final = {"type": "function", "name": "dose", "parameters": DRUG}
NAMED: Final = {"type": "function", "function": {"name": "dose"}}
