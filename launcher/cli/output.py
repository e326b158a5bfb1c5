"""What a command writes to standard output: a sentence for a person, or one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def put(sentence: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write one of the two, and a line's end."""
    said = json.dumps(document, ensure_ascii=False) if as_json else sentence
    sys.stdout.write(f"{said}\n")
