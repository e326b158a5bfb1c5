"""Files of any size that take no room."""

import json
from pathlib import Path


def sparse_weights(path: Path, size: int = 1000) -> None:
    """Write a safetensors file of `size` bytes, as its header promises; empty for 0."""
    names = {"dtype": "U8", "shape": [size], "data_offsets": [0, max(0, size - 8 - 92)]}
    header = json.dumps({"w": names}).encode().ljust(92)
    with path.open("wb") as file:
        file.write((len(header).to_bytes(8, "little") + header)[:size])
        file.truncate(size)
