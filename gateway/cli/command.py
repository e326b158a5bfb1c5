"""Shared parts of the commands: `--json` and the output of all, the error of the gateway's."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, ClassVar

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class CommandError(Exception):
    """A failed command: one sentence for a person, and the exit code of the process."""

    exit_code: ClassVar[int] = 2


def put(sentence: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write the sentence, or the document as JSON, to standard output."""
    text = json.dumps(document, ensure_ascii=False) if as_json else sentence
    sys.stdout.write(f"{text}\n")
