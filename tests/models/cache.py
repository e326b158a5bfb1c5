"""Cache of built models: each under the digest of the sources that build it."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE_S = 1800  # a model takes half a minute, and many on a machine that is busy


def root() -> Path:
    """MMHIE_TEST_CACHE, else a folder in the user's cache."""
    folder = Path(os.environ.get("MMHIE_TEST_CACHE") or "~/.cache/mmhie-tests").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def built(name: str, *needed: str, arguments: tuple[str, ...] = (), program: str = "") -> Path:
    """The folder that `python -m tests.models.PROGRAM FOLDER ...` writes, made if it is not there.

    `needed` names other builders it stands on: a change in any of them builds it anew. The folder
    appears whole or not at all, and one process at a time builds it.
    """
    program = program or name
    target = root() / f"{name}-{version(program, *needed)}"
    with locked(root() / f".{name}.lock"):
        if not target.exists():
            with partial(name) as folder:
                build(program, folder, arguments)
                folder.rename(target)
    return target


def version(*programs: str) -> str:
    """A digest of their sources, and of the weights beside them."""
    whole = hashlib.sha256()
    for program in programs:
        for file in sorted(HERE.glob(f"{program}.*")):
            whole.update(file.read_bytes())
    return whole.hexdigest()[:12]


def build(program: str, folder: Path, arguments: tuple[str, ...]) -> None:
    """In a process of its own: it takes torch and its memory away with it."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.models.{program}", str(folder), *arguments],
        cwd=HERE.parents[1],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One builder at a time; a dead one's lock is free."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def partial(name: str) -> Iterator[Path]:
    """A folder beside the target; what an interrupted build left is removed first."""
    for stale in root().glob(f".partial-{name}-*"):
        shutil.rmtree(stale)
    folder = Path(tempfile.mkdtemp(prefix=f".partial-{name}-", dir=root()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
