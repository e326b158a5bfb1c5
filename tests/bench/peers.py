"""Peers in environments of their own, installed when they are first measured."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

HOME = Path(__file__).parents[2] / ".cache" / "bench"
# Exact versions: a comparison names what it compares with.
PEERS = {
    "smg": "smg==1.13.0",
    "vllm-router": "vllm-router==0.1.17",
    "litellm": "litellm[proxy]==1.110.2",
}


def program(name: str) -> Path:
    """Return the path of a peer's program, installed or not."""
    return HOME / name / "bin" / name


def install_all(names: Iterable[str]) -> Iterator[str]:
    """Install peers and yield them; name those that cannot be installed."""
    for name in names:
        try:
            install(name)
        except (OSError, subprocess.CalledProcessError):
            print(f"{name} cannot be installed here and is left out.", flush=True)  # noqa: T201
        else:
            yield name


def install(name: str) -> None:
    """Install a peer into an environment of its own, if it is not there."""
    if program(name).exists():
        return
    folder = HOME / name
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, PEERS[name]], check=True)
