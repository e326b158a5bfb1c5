"""A GGUF file made into an ordinary checkpoint, once: vLLM's CPU engine reads no GGUF.

`python -m launcher.checkpoints.gguf FILE FOLDER` converts, in a process of its own because it
needs torch.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TextIO

from launcher.errors import ModelError, NotEnoughDisk
from launcher.process.child import Child, Command, Listener, describe

EDGE_BYTES = 1 << 20
LOCK_POLL_S = 0.5
KILL_AFTER_S = 2.0
# Q4 to bfloat16 is a factor of 3.6; the rest is the tokenizer and room for the file system.
GROWTH = 4.5

Convert = Callable[[Path, Path], Awaitable[None]]


def key(source: Path) -> str:
    """The file's name and a digest of its size and both ends: the same wherever it lies."""
    size = source.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with source.open("rb") as file:
        digest.update(file.read(EDGE_BYTES))
        file.seek(max(0, size - EDGE_BYTES))
        digest.update(file.read(EDGE_BYTES))
    return f"{source.stem}-{digest.hexdigest()[:12]}"


async def checkpoint(source: Path, cache: Path, convert: Convert) -> Path:
    """The folder with the de-quantized checkpoint, converted now if it is not there yet.

    The folder appears complete or not at all. Raises ModelError and NotEnoughDisk.
    """
    target = cache / key(source)
    if target.exists():
        return target
    async with locked(cache, target.name):
        if not target.exists():
            check_room(source, cache)
            with partial(cache, target.name) as folder:
                await convert(source, folder)
                folder.rename(target)
    return target


@asynccontextmanager
async def locked(cache: Path, name: str) -> AsyncIterator[None]:
    """One conversion of this name at a time on this machine; a dead holder's lock is free."""
    with open_lock(cache / f".{name}.lock") as file:
        while not is_locked(file.fileno()):  # noqa: ASYNC110  # another process holds it
            await asyncio.sleep(LOCK_POLL_S)
        yield


def open_lock(path: Path) -> TextIO:
    """Raise ModelError when the cache cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")
    except OSError as error:
        raise ModelError(f"{path.parent} cannot be written: {error.strerror}.") from error


def is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def partial(cache: Path, name: str) -> Iterator[Path]:
    """A new folder beside the target; what an interrupted conversion left is removed first."""
    prefix = f".partial-{name}-"
    for stale in cache.glob(f"{prefix}*"):
        shutil.rmtree(stale)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=cache))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_room(source: Path, cache: Path) -> None:
    """Raise NotEnoughDisk when the converted checkpoint would not fit."""
    needed = int(source.stat().st_size * GROWTH)
    free = shutil.disk_usage(cache).free
    if free < needed:
        raise NotEnoughDisk(
            f"De-quantizing {source.name} needs {needed / 2**30:.1f} GiB of disk and {cache} has "
            f"{free / 2**30:.1f} GiB free: make room, or set MMHIE_CACHE_DIR to a larger disk."
        )


def converter(environ: Mapping[str, str], listener: Listener) -> Convert:
    """A conversion in a child process, which ends with whoever waits for it."""

    async def convert(source: Path, folder: Path) -> None:
        argv = (sys.executable, "-m", __name__, str(source), str(folder))
        child = Child(Command(argv, environ), listener)
        try:
            status = await child.wait()
        finally:
            await child.stop(KILL_AFTER_S)
        if status:
            said = child.last_lines[-1] if child.last_lines else describe(status)
            raise ModelError(f"{source.name} could not be de-quantized: {said}")

    return convert


def dequantize(source: Path, folder: Path) -> None:
    """Write the checkpoint and its tokenizer into the folder, in bfloat16."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype="bfloat16",
        quantization_config=GgufConfig(dequantize=True),
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    dequantize(Path(sys.argv[1]), Path(sys.argv[2]))
