"""Choice of a repository's files that an engine reads, with each weight once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from launcher.errors import HubError
from launcher.models import weights

if TYPE_CHECKING:
    from launcher.models.hub_client import HubFile, Listing

# gpt-oss's repository holds its weights three times: 27 GB that vLLM does not read.
COPIES: Final = ("original/*", "metal/*", "checkpoint-*/*")
TENSORS: Final = ("*.safetensors",)
# Mistral's own layout of the same weights, which some repositories have beside the usual one.
MISTRAL: Final = ("consolidated*.safetensors",)
PICKLED: Final = ("pytorch_model*.bin",)
# What the engine does not read where the same weights are there as safetensors.
OTHER_FORMATS: Final = tuple(
    f"*.{suffix}"
    for suffix in ("bin", "ckpt", "gguf", "h5", "msgpack", "onnx", "onnx_data", "ot", "pt", "pth")
)


def choose_files(listing: Listing, description: Path) -> tuple[HubFile, ...]:
    """Return the files that an engine reads: each weight once.

    The folder has the repository's index, if there is one. Raises HubError, ModelError.
    """
    shards = _shards(listing, description / weights.INDEX)
    files = [file for file in listing.files if not matches(file.path, COPIES)]
    tensors = {file.path for file in files if matches(file.path, TENSORS)}
    unread = tensors - shards if shards else {path for path in tensors if "/" in path}
    if tensors - unread - (consolidated := {path for path in tensors if matches(path, MISTRAL)}):
        unread |= consolidated
    if tensors - unread:
        unread |= {file.path for file in files if matches(file.path, OTHER_FORMATS)}
    return tuple(file for file in files if file.path not in unread)


def _shards(listing: Listing, index: Path) -> frozenset[str]:
    """Return the files that an index names; none where there is no index."""
    if not index.is_file():
        return frozenset()
    names = frozenset(weights.named(index.read_bytes(), listing.name).values())
    if absent := sorted(name for name in names if not listing.has(name)):
        raise HubError(
            f"The index of {listing.name} names {absent[0]}, which the hub does not have."
        )
    return names


def sum_weight_bytes(files: Collection[HubFile]) -> int | None:
    """Return the bytes of the weights among wanted files, in the first format that is there."""
    for formats in (TENSORS, PICKLED):
        if sizes := [file.size for file in files if matches(file.path, formats)]:
            return sum(sizes)
    return None


def matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
