"""The SHA-256 of a model's files as their maker recorded it, and the check against it."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

from launcher.models.adapter_shapes import FILE
from launcher.models.facts import AdapterFacts
from launcher.models.model_folder import entries_of
from launcher.models.weights import EMBEDDED_PACKAGE, MERGE_RECORD

SHA256: Final = re.compile(r"[0-9a-f]{64}")
GIT_OR_SHA256: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
BLOCK_BYTES: Final = 2**22

Advance = Callable[[int], object]


def recorded(files: list[Path]) -> dict[Path, str]:
    """The recorded digests of these files: by the hub, a merge, or the package they came in."""
    found = {file: of_hub(file) or of_merge(file) or of_package(file) for file in files}
    return {file: digest for file, digest in found.items() if digest}


def of_hub(file: Path) -> str | None:
    """The hub's cache names a large file by its SHA-256, a small one by a git id."""
    name = file.resolve().name
    return name if SHA256.fullmatch(name) else None


def of_merge(file: Path) -> str | None:
    """The digest that `mmhie merge-adapter` wrote beside the weights."""
    digest = entries_of(file.parent / MERGE_RECORD).get("files", {}).get(file.name)
    return str(digest) if digest else None


def of_package(file: Path) -> str | None:
    """The digest in the embedded model's package, in base64 without padding (PEP 376)."""
    try:
        contents = metadata.files(EMBEDDED_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    entry = next((each for each in contents if each.name == file.name and each.hash), None)
    if entry is None or entry.hash is None or Path(str(entry.locate())) != file:
        return None
    return base64.urlsafe_b64decode(entry.hash.value + "==").hex()


def of_adapter(adapter: AdapterFacts) -> str | None:
    """The digest of an adapter's weights, merged or not; None where they are not here."""
    folder = Path(adapter.source)
    if adapter.merged:
        digest = entries_of(folder / MERGE_RECORD).get("adapter_sha256")
        return str(digest) if digest else None
    file = folder / FILE
    if not file.is_file():
        return None
    found = file.stat()
    return of_hub(file) or _once(file, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=8)
def _once(file: Path, _size: int, _mtime_ns: int) -> str:
    """The file's digest, computed again only once its size or time has changed."""
    return sha256(file)


def damaged(known: Mapping[Path, str], advance: Advance = lambda _: None) -> list[Path]:
    """The files whose digest differs from the recorded one; `advance` gets each block's size."""
    return [
        file
        for file, digest in known.items()
        if _digest(file, hasher(digest, file.stat().st_size), advance) != digest
    ]


def sha256(file: Path) -> str:
    """The file's digest, read a few MiB at a time."""
    return _digest(file, hashlib.sha256(), lambda _: None)


def hasher(digest: str, size: int) -> "hashlib._Hash":
    """The hash by which a file of this size has a digest of this form: SHA-256, or git's SHA-1."""
    if len(digest) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def _digest(file: Path, whole: "hashlib._Hash", advance: Advance) -> str:
    with file.open("rb") as opened:
        while block := opened.read(BLOCK_BYTES):
            whole.update(block)
            advance(len(block))
    return whole.hexdigest()
