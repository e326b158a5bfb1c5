"""The draft model that vLLM's flags name for speculative decoding."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from launcher.errors import SettingsError

FLAGS: Final = ("--speculative-config", "-sc")
# vLLM's parser takes one entry of the JSON by itself, too.
ENTRIES: Final = ("--spec-model", *(f"{flag}.model" for flag in FLAGS))


def named(arguments: Sequence[str]) -> str | None:
    """The draft model's id or folder in MMHIE_ENGINE_ARGS; None where there is none.

    Raises SettingsError for a configuration that vLLM could not read either.
    """
    parts = [part for argument in arguments for part in _split(argument)]
    values = [
        _model(value) if flag in FLAGS else value
        for flag, value in pairwise(parts)
        if flag in (*FLAGS, *ENTRIES)
    ]
    model = values[-1] if values else None
    return model if isinstance(model, str) and "/" in model else None


def _model(text: str) -> object:
    try:
        return json.loads(text).get("model")
    except (ValueError, AttributeError):
        raise SettingsError(
            f"{FLAGS[0]} in MMHIE_ENGINE_ARGS is no JSON object: write it in single quotes, as "
            f"""{FLAGS[0]} '{{"model": "...", "num_speculative_tokens": 3}}'."""
        ) from None


def _split(argument: str) -> list[str]:
    """A flag as it is written with hyphens, and what is joined to it."""
    flag, _, value = argument.partition("=")
    flag = flag.replace("_", "-")
    if flag not in (*FLAGS, *ENTRIES):
        return [argument]
    return [flag, value] if value else [flag]
