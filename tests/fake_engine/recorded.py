"""Answers of vLLM 0.32.0, which the fake engine's own are made after."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

RECORDINGS: Final = Path(__file__).parent / "recordings"


@cache
def recorded(name: str) -> Any:
    """Return the document of a recorded response; nobody may change it."""
    return json.loads((RECORDINGS / f"{name}.http").read_bytes().partition(b"\r\n\r\n")[2])
