"""Compilers of the kernels that are built while an engine starts on a GPU: the CUDA toolkit for
FlashInfer and DeepGEMM, a C compiler with Python's headers for Triton.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

# What flashinfer/jit/cpp_ext.py runs and links; the nvidia-cuda-nvcc wheel has the first alone.
NVCC: Final = "bin/nvcc"
LIBRARIES: Final = ("lib64/libcudart.so", "lib64/stubs/libcuda.so")
HOST_TOOLS: Final = ("ninja", "c++")
DEFAULT_HOME: Final = Path("/usr/local/cuda")
PRECOMPILED: Final = "flashinfer-jit-cache"
# vLLM's switches of them; both are on by default, and neither looks for a compiler.
SAMPLER: Final = "VLLM_USE_FLASHINFER_SAMPLER"
DEEP_GEMM: Final = "VLLM_USE_DEEP_GEMM"
SWITCHES: Final = (SAMPLER, DEEP_GEMM)
COMPILERS: Final = ("gcc", "clang")  # `_build` in triton/runtime/build.py, unless CC names one


def switched_off(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The switches of kernels that could not be compiled here when the engine asks for them."""
    found = home(environ)
    has_nvcc = (found / NVCC).exists()
    has_all = (
        has_nvcc and has_tools(environ) and all((found / library).exists() for library in LIBRARIES)
    )
    sampler = () if has_all or is_precompiled() else (SAMPLER,)
    return sampler if has_nvcc else (*sampler, DEEP_GEMM)


def has_tools(environ: Mapping[str, str]) -> bool:
    """A host compiler and ninja; as for the engine, this environment's programs come first."""
    path = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    return all(shutil.which(tool, path=path) for tool in HOST_TOOLS)


def is_precompiled() -> bool:
    """The kernels that vLLM's own image ships, of FlashInfer's very version."""
    try:
        compiled, source = metadata.version(PRECOMPILED), metadata.version("flashinfer-python")
    except metadata.PackageNotFoundError:
        return False
    return compiled.partition("+")[0] == source


def home(environ: Mapping[str, str]) -> Path:
    """The toolkit's folder as FlashInfer finds it (`get_cuda_path`)."""
    if named := environ.get("CUDA_HOME") or environ.get("CUDA_PATH"):
        return Path(named)
    nvcc = shutil.which("nvcc", path=environ.get("PATH"))
    return Path(nvcc).parent.parent if nvcc else DEFAULT_HOME


def switched_off_sentence(switches: tuple[str, ...]) -> str:
    """The one line that says what is off, and the remedy."""
    names = " ".join(f"{name}=0" for name in switches)
    return (
        f"No usable CUDA toolkit is here (nvcc with lib64/libcudart.so and stubs), so {names}: "
        "vLLM's own precompiled kernels do their work. Set CUDA_HOME to a toolkit for the others."
    )


def missing(
    environ: Mapping[str, str] = os.environ, include: Path | None = None
) -> tuple[str, ...]:
    """Return which of a compiler and the headers are not here."""
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
