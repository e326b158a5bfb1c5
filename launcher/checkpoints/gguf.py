"""A GGUF file made into an ordinary checkpoint, once: vLLM's CPU engine reads no GGUF.

`python -m launcher.checkpoints.gguf FILE CACHE` converts, in a process of its own because it needs
torch, and because it may have to wait for another one that does the same.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from launcher.checkpoints import making
from launcher.errors import LauncherError
from launcher.models.disk import require_room

EDGE_BYTES: Final = 1 << 20
# Q4 to bfloat16 is a factor of 3.6; the rest is the tokenizer and room for the file system.
GROWTH: Final = 4.5


def key(source: Path) -> str:
    """The file's name and a digest of its size and both ends: the same wherever it lies."""
    size = source.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with source.open("rb") as file:
        digest.update(file.read(EDGE_BYTES))
        file.seek(max(0, size - EDGE_BYTES))
        digest.update(file.read(EDGE_BYTES))
    return f"{source.stem}-{digest.hexdigest()[:12]}"


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


def checkpoint(
    source: Path, cache: Path, convert: Callable[[Path, Path], None] = dequantize
) -> Path:
    """The folder with the de-quantized checkpoint, converted now if it is not there yet.

    The folder appears complete or not at all. Raises ModelError and NotEnoughDisk.
    """
    target = cache / key(source)
    with making.locked(cache, target.name):
        if not target.exists():
            size = source.stat().st_size * GROWTH
            require_room(cache, size, f"The checkpoint needs {size / 2**30:.1f} GiB of disk")
            with making.partial(cache, target.name) as folder:
                convert(source, folder)
                folder.rename(target)
    return target


def main() -> None:
    """Convert, and remove what there is of the checkpoint when told to stop."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        checkpoint(Path(sys.argv[1]), Path(sys.argv[2]))
    except LauncherError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
