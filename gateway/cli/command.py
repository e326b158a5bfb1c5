"""Shared parts of the gateway's commands: their error, their output, and the settings they read."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, ClassVar

import typer

from gateway import settings
from gateway.settings import GatewaySettings, SettingsError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class CommandError(Exception):
    """A failed command: one sentence for a person, and the exit code of the process."""

    exit_code: ClassVar[int] = 2


def load_settings() -> GatewaySettings:
    """Read the settings of this machine's gateways; raises CommandError when one is wrong."""
    try:
        return settings.load()
    except SettingsError as error:
        raise CommandError(str(error)) from None


def put(sentence: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write the sentence, or the document as JSON, to standard output."""
    text = json.dumps(document, ensure_ascii=False) if as_json else sentence
    sys.stdout.write(f"{text}\n")
