"""The making of a checkpoint: a process of its own, a lock, a folder that appears whole or not."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from launcher.errors import HubUnavailable, ModelError
from launcher.models.disk import CACHE, lock, translate_disk_errors
from launcher.process.child import Command, Listener, describe, run_to_end

KILL_AFTER_S: Final = 2.0


async def in_child(
    module: str, arguments: tuple[str, ...], environ: Mapping[str, str], listener: Listener
) -> None:
    """Run `python -m module` in a process that ends with whoever waits for it.

    Raises ModelError, or HubUnavailable by its exit status, with its last line.
    """
    command = Command((sys.executable, "-m", module, *arguments), environ)
    status, lines = await run_to_end(command, KILL_AFTER_S, listener)
    if status:
        kind = HubUnavailable if status == HubUnavailable.exit_code else ModelError
        raise kind(lines[-1] if lines else describe(status))


@contextmanager
def locked(cache: Path, name: str) -> Iterator[None]:
    """Let one process at a time make this; errors of the disk are ModelError, NotEnoughDisk."""
    with translate_disk_errors(cache, CACHE), lock(cache / f".{name}.lock"):
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
