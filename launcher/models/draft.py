"""The draft model that vLLM's flags name for speculative decoding."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from launcher.errors import SettingsError

FLAGS: Final = ("--speculative-config", "-sc")


def named(arguments: Sequence[str]) -> str | None:
    """The draft model's id or folder in MMHIE_ENGINE_ARGS; None where there is none.

    Raises SettingsError for a configuration that vLLM could not read either.
    """
    parts = [part for argument in arguments for part in _split(argument)]
    values = [value for flag, value in pairwise(parts) if flag in FLAGS]
    if not values:
        return None
    try:
        config = json.loads(values[-1])
        model = config.get("model")
    except (ValueError, AttributeError):
        raise SettingsError(
            f"{FLAGS[0]} in MMHIE_ENGINE_ARGS is no JSON object: write it in single quotes, as "
            f"""{FLAGS[0]} '{{"model": "...", "num_speculative_tokens": 3}}'."""
        ) from None
    return model if isinstance(model, str) and "/" in model else None


def _split(argument: str) -> list[str]:
    flag, _, value = argument.partition("=")
    return [flag, value] if flag in FLAGS and value else [argument]
