"""Shared parts of the Python drivers; nothing but the standard library."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Case = Callable[[], dict[str, Any]]

ASKED = json.loads(Path(__file__).with_name("asked.json").read_text())
URL, MODEL = sys.argv[1:3]
# Without `strict` vLLM 0.32 makes the model call the tool, but with any arguments.
DOSE = {"name": "dose", "parameters": ASKED["schema"], "strict": True}
TOOL = {"type": "function", "function": DOSE}
NAMED = {"type": "function", "function": {"name": "dose"}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": ASKED["schema"]}}


def serve(cases: dict[str, Case]) -> None:
    """Answer case after case; what a library prints goes where nobody parses it."""
    told_to, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            told = {"result": cases[line.strip()]()}
        except Exception as problem:  # whatever the client raises is what the test wants to see
            told = {"error": described(problem)}
        told_to.write(json.dumps(told) + "\n")
        told_to.flush()


def described(problem: Exception) -> dict[str, Any]:
    """An exception by its classes, and what the client put on it."""
    return {
        "kinds": [f"{one.__module__.split('.')[0]}.{one.__name__}" for one in type(problem).mro()],
        "status": getattr(problem, "status_code", None),
        "message": str(problem),
    }


def label(answer: Any) -> Any:
    """The disclaimer in a pydantic answer's extra key; None where the client dropped it."""
    extra = (getattr(answer, "model_extra", None) or {}).get("mmhie")
    return extra["disclaimer"]["text"] if extra else None
