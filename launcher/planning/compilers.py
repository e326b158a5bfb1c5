"""Kernels that are compiled while an engine starts on a GPU, and what compiles them."""

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# vLLM's switches of kernels that need a CUDA toolkit (nvcc), which wheels do not bring. vLLM has
# both on, and neither looks for one; its own kernels do the same work.
SWITCHES: Final = ("VLLM_USE_FLASHINFER_SAMPLER", "VLLM_USE_DEEP_GEMM")
COMPILERS: Final = ("gcc", "clang")  # `_build` in triton/runtime/build.py, unless CC names one


def missing(
    environ: Mapping[str, str] = os.environ, include: Path | None = None
) -> tuple[str, ...]:
    """Return what is not here of a C compiler and Python's headers, which Triton needs."""
    headers = include or Path(sysconfig.get_paths()["include"])
    named = environ.get("CC", "").split()[:1]
    path = environ.get("PATH", os.defpath)
    has_compiler = any(shutil.which(name, path=path) for name in named or COMPILERS)
    parts = {
        "C compiler": has_compiler,
        f"Python.h (in {headers})": (headers / "Python.h").is_file(),
    }
    return tuple(name for name, is_here in parts.items() if not is_here)


def missing_sentence(absent: tuple[str, ...]) -> str:
    """Return a sentence on the missing ones, and the remedy."""
    return (
        f"The engine compiles its kernels when it starts on a GPU, and here is no "
        f"{' and no '.join(absent)}: install them (Debian, Ubuntu: `apt-get install gcc "
        "python3-dev`), or set CC."
    )
