"""A GGUF file made into an ordinary checkpoint, once: vLLM's CPU engine reads no GGUF.

`python -m launcher.checkpoints.gguf FILE FOLDER` converts, in a process of its own because it
needs torch.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from launcher.checkpoints import making
from launcher.errors import ModelError
from launcher.process.child import Listener

EDGE_BYTES = 1 << 20
LOCK_POLL_S = 0.5
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
            with making.partial(cache, target.name) as folder:
                await convert(source, folder)
                folder.rename(target)
    return target


@asynccontextmanager
async def locked(cache: Path, name: str) -> AsyncIterator[None]:
    """One conversion of this name at a time on this machine; a dead holder's lock is free."""
    with making.open_lock(cache / f".{name}.lock") as file:
        while not making.is_locked(file.fileno()):  # noqa: ASYNC110  # another process holds it
            await asyncio.sleep(LOCK_POLL_S)
        yield


def check_room(source: Path, cache: Path) -> None:
    """Raise NotEnoughDisk when the converted checkpoint would not fit."""
    making.check_room(cache, source.stat().st_size * GROWTH, f"De-quantizing {source.name}")


def converter(environ: Mapping[str, str], listener: Listener) -> Convert:
    """A conversion in a child process, which ends with whoever waits for it."""

    async def convert(source: Path, folder: Path) -> None:
        try:
            await making.in_child(__name__, (str(source), str(folder)), environ, listener)
        except ModelError as error:
            raise ModelError(f"{source.name} could not be de-quantized: {error}") from None

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
