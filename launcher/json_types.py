"""The type of JSON with any fields, and a parser for JSON from other programs."""

import json
from collections.abc import Mapping
from typing import Any

# Here and nowhere else: what is in it is another program's to decide, and read with care.
Json = dict[str, Any]
JsonView = Mapping[str, Any]  # of a reader that changes nothing


def parse_foreign(text: str | bytes, **options: Any) -> Any:
    """The content of JSON that somebody else wrote; ValueError also where Python could not print or
    walk it: one that is too deep, or has half a character."""
    try:
        content = json.loads(text, **options)
        json.dumps(content, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return content
