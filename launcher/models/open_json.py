"""JSON that somebody else wrote, as Python can print and walk it."""

import json
from typing import Any


def parse(text: str | bytes, **options: Any) -> Any:
    """The content of a JSON text; ValueError also for one that is too deep, or half a character."""
    try:
        content = json.loads(text, **options)
        json.dumps(content, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return content
