"""Recorded digests of a model's files, and the check against them."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import metadata
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Final

from launcher.models.adapter_shapes import FILE
from launcher.models.facts import AdapterFacts
from launcher.models.model_folder import entries_of
from launcher.models.weights import EMBEDDED_PACKAGE, MERGE_RECORD

SHA256: Final = re.compile(r"[0-9a-f]{64}")
GIT_ID: Final = re.compile(r"[0-9a-f]{40}")
AT_ONCE: Final = 4

Advance = Callable[[int], object]


def find_recorded(files: list[Path]) -> dict[Path, str]:
    """Return the digests of these files that the hub, a merge or a package has recorded."""
    digests = {
        file: read_hub_digest(file) or read_merge_digest(file) or read_package_digest(file)
        for file in files
    }
    return {file: digest for file, digest in digests.items() if digest}


def find_blobs(files: list[Path]) -> dict[Path, str]:
    """Return the digests of these files in the names of their blobs in the hub's cache."""
    named = {file: file.resolve().name for file in files}
    kinds = (SHA256, GIT_ID)
    return {file: name for file, name in named.items() if any(k.fullmatch(name) for k in kinds)}


def read_hub_digest(file: Path) -> str | None:
    """Return the SHA-256 in the name of a large file's blob in the hub's cache."""
    name = file.resolve().name
    return name if SHA256.fullmatch(name) else None


def read_merge_digest(file: Path) -> str | None:
    """Return the digest that a merge wrote beside the weights."""
    digest = entries_of(file.parent / MERGE_RECORD).get("files", {}).get(file.name)
    return str(digest) if digest else None


def read_package_digest(file: Path) -> str | None:
    """Return the digest in the embedded model's package: base64 without padding (PEP 376)."""
    try:
        contents = metadata.files(EMBEDDED_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    entry = next((each for each in contents if each.name == file.name and each.hash), None)
    if entry is None or entry.hash is None or Path(str(entry.locate())) != file:
        return None
    return base64.urlsafe_b64decode(entry.hash.value + "==").hex()


def find_adapter_digest(adapter: AdapterFacts) -> str | None:
    """Return the digest of an adapter's weights, merged or not; None if they are not here."""
    folder = Path(adapter.source)
    if adapter.merged:
        digest = entries_of(folder / MERGE_RECORD).get("adapter_sha256")
        return str(digest) if digest else None
    file = folder / FILE
    if not file.is_file():
        return None
    state = file.stat()
    return read_hub_digest(file) or _cached_sha256(file, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _cached_sha256(file: Path, _size: int, _mtime_ns: int) -> str:
    """Compute a file's digest again only when its size or time has changed."""
    return compute_sha256(file)


def find_damaged(known: Mapping[Path, str], advance: Advance = lambda _: None) -> list[Path]:
    """Return the files that differ from their digest; `advance` gets the size of each file read."""

    def check(file: Path) -> bool:
        advance(file.stat().st_size)
        return is_right(file, known[file])

    with ThreadPool(AT_ONCE) as threads:
        right = threads.map(check, known)
    return [file for file, is_same in zip(known, right, strict=True) if not is_same]


def is_right(file: Path, digest: str) -> bool:
    """Return whether a file has this SHA-256, or this id of git."""
    return digest == (compute_git_id(file) if GIT_ID.fullmatch(digest) else compute_sha256(file))


def compute_sha256(file: Path) -> str:
    """Return the digest by which the hub stores a large file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def compute_git_id(file: Path) -> str:
    """Return the digest by which git stores a file."""
    body = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
