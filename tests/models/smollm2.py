"""The embedded model as an ordinary checkpoint, made as the launcher makes it."""

import sys
from pathlib import Path

from launcher.checkpoints import gguf
from launcher.models import weights
from tests.models import cache


def model() -> Path:
    """The model's folder, built if need be."""
    return cache.built("smollm2")


if __name__ == "__main__":
    gguf.dequantize(weights.embedded_file(), Path(sys.argv[1]))
