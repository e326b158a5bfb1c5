"""Models whose config.json is known here, so that a plan for them needs neither weights nor hub."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from launcher.json_types import JsonView

Config = JsonView

GPT_OSS_20B: Final = "openai/gpt-oss-20b"
EMBEDDED: Final = "embedded"

_KNOWN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
CONFIGS: Final[Mapping[str, Config]] = _KNOWN["configs"]
ADAPTERS: Final[Mapping[str, Config]] = _KNOWN["adapters"]
DEFAULTS: Final[Mapping[str, Config]] = _KNOWN["defaults"]  # of a model type
DISPLAY_NAMES: Final[Mapping[str, str]] = _KNOWN["display_names"]
COPIES: Final[Mapping[str, str]] = _KNOWN["copies"]
BEYOND_LORA: Final[tuple[str, ...]] = tuple(_KNOWN["beyond_lora"])
APPLIED_WHILE_SERVING: Final = frozenset(_KNOWN["applied_while_serving"])
PLAIN_INITS: Final = frozenset(_KNOWN["plain_inits"])


def original(base: str) -> str:
    """The published model a re-packed copy stands for; the name itself when it is no copy."""
    return next((real for copy, real in COPIES.items() if base.startswith(copy)), base)
