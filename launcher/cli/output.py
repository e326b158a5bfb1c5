"""Output of a command: a sentence for a person, or one JSON object."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def put(sentence: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write the sentence, or the document as JSON, to standard output."""
    text = json.dumps(document, ensure_ascii=False) if as_json else sentence
    sys.stdout.write(f"{text}\n")
