"""Peers in environments of their own, installed when they are first measured."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

HOME = Path(__file__).parents[2] / ".cache" / "bench"
# Program, and the packages that bring it. Exact: a comparison names what it compares with.
PEERS = {
    "vllm-router": ("vllm-router==0.1.17",),
    "smg": ("smg==1.13.0",),
    "litellm": ("litellm[proxy]==1.110.2",),  # its router is in Rust, always
    "litellm-python": ("litellm[proxy]==1.108.7",),
    # In no registry: its repository at a commit. It wants Python 3.12.
    "production-stack": (
        "vllm-router @ git+https://github.com/vllm-project/production-stack"
        "@a6c01db05f65f556235413ba8dbcfb0c01132fff",
    ),
}
# Where it is not called as the peer is.
PROGRAMS = {"production-stack": "vllm-router", "litellm-python": "litellm"}
PYTHONS = {"production-stack": "python3.12"}


def program(name: str) -> Path:
    """Return the path of a peer's program, installed or not."""
    return HOME / name / "bin" / PROGRAMS.get(name, name)


def install_all(names: Iterable[str]) -> Iterator[str]:
    """Install peers and yield them; say which cannot be."""
    for name in names:
        try:
            install(name)
        except (OSError, subprocess.CalledProcessError):
            print(f"{name} cannot be installed here and is left out.", flush=True)  # noqa: T201
        else:
            yield name


def python_of(name: str) -> str:
    return PYTHONS.get(name, sys.executable)


def install(name: str) -> Path:
    """A peer's program, installed if need be; raises CalledProcessError, OSError without its
    Python."""
    executable = program(name)
    if not executable.exists():
        folder = HOME / name
        subprocess.run([python_of(name), "-m", "venv", folder], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, *PEERS[name]], check=True)
    return executable


def version(name: str) -> str:
    """Return the installed version, as pip tells it."""
    shown = subprocess.run(
        [HOME / name / "bin" / "python", "-m", "pip", "show", PROGRAMS.get(name, name)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return next((line[9:] for line in shown.splitlines() if line.startswith("Version: ")), "")
