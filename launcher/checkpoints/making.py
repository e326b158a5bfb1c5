"""The making of a checkpoint: a process of its own, a lock, a folder that appears whole or not."""

import fcntl
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from launcher.errors import HubUnavailable, ModelError
from launcher.process.child import Command, Listener, describe, run_to_end

KILL_AFTER_S: Final = 2.0


async def in_child(
    module: str, arguments: tuple[str, ...], environ: Mapping[str, str], listener: Listener
) -> None:
    """Run `python -m module` in a process that ends with whoever waits for it.

    Raises ModelError, or HubUnavailable by its exit status, with its last line.
    """
    command = Command((sys.executable, "-m", module, *arguments), environ)
    status, last_line = await run_to_end(command, KILL_AFTER_S, listener)
    if status:
        kind = HubUnavailable if status == HubUnavailable.exit_code else ModelError
        raise kind(last_line or describe(status))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time on this machine; a dead holder's lock is free.

    Raises ModelError when the cache cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise ModelError(
            f"{path.parent} cannot be written ({error.strerror}): set MMHIE_CACHE_DIR to another "
            "folder."
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def partial(cache: Path, name: str) -> Iterator[Path]:
    """A new folder beside the target; one that an interruption left is removed first."""
    prefix = f".partial-{name}-"
    for stale in cache.glob(f"{prefix}*"):
        shutil.rmtree(stale)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=cache))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
