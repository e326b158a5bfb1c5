"""A virtual environment for each client that must not share ours, built once into the cache."""

import hashlib
import subprocess
import sys
from pathlib import Path

from tests.models import cache

LOCKS = Path(__file__).parent / "locks"
PATIENCE_S = 300


def python_with(lock: Path) -> Path:
    """The interpreter of an environment that holds exactly what a lock file lists."""
    digest = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()[:12]
    target = cache.root() / f"{lock.stem}-{digest}"
    with cache.locked(cache.root() / f".{lock.stem}.lock"):
        if not target.exists():
            with cache.partial(lock.stem) as folder:
                install(folder, lock)
                folder.rename(target)  # the interpreter finds its packages from where it stands
    return target / "bin" / "python"


def install(folder: Path, lock: Path) -> None:
    run(sys.executable, "-m", "venv", str(folder))
    pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps")
    run(*pip, "--requirement", str(lock))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
