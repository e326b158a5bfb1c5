"""Digests somebody recorded, and files that no longer have them."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.models import digests, weights
from launcher.models.facts import AdapterFacts
from launcher.models.weights import MERGE_RECORD

BYTES = b"weights" * 1000
DIGEST = hashlib.sha256(BYTES).hexdigest()


def of_hub(folder: Path) -> Path:
    """A link to a blob that is named by its digest."""
    (folder / DIGEST).write_bytes(BYTES)
    (folder / "model.safetensors").symlink_to(folder / DIGEST)
    return folder / "model.safetensors"


def of_merge(folder: Path) -> Path:
    """A file beside the record that names it."""
    (folder / "model.safetensors").write_bytes(BYTES)
    record = {"files": {"model.safetensors": DIGEST}}
    (folder / MERGE_RECORD).write_text(json.dumps(record))
    return folder / "model.safetensors"


@pytest.mark.parametrize("made", [of_hub, of_merge])
def test_a_recorded_file_that_changes_is_found(made: object, tmp_path: Path) -> None:
    """A change of one byte is found."""
    assert callable(made)
    file = made(tmp_path)
    known = digests.find_recorded([file])

    assert known == {file: DIGEST}
    assert digests.find_damaged(known) == []
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(b"X")
    assert digests.find_damaged(known) == [file]


def test_the_embedded_model_is_what_its_package_says(tmp_path: Path) -> None:
    """The package's own list of files; every byte is heard of once. Nothing is known of a file of
    the same name elsewhere."""
    file = weights.embedded_file()
    heard: list[int] = []
    known = digests.find_recorded([file])

    assert list(known) == [file]
    assert digests.find_damaged(known, heard.append) == []
    assert sum(heard) == file.stat().st_size
    (tmp_path / file.name).write_bytes(b"GGUF")
    assert digests.find_recorded([tmp_path / file.name]) == {}


def test_the_digest_of_an_adapter_merged_or_not(tmp_path: Path) -> None:
    """Of its weights as they are now, or as they were when they were merged."""
    tuned = AdapterFacts("t", str(tmp_path), "b", 8, 16.0, ("q_proj",))
    assert digests.find_adapter_digest(tuned) is None
    (tmp_path / "adapter_model.safetensors").write_bytes(BYTES)
    assert digests.find_adapter_digest(tuned) == DIGEST
    (tmp_path / "adapter_model.safetensors").write_bytes(b"other")
    assert digests.find_adapter_digest(tuned) == hashlib.sha256(b"other").hexdigest()

    (tmp_path / MERGE_RECORD).write_text(json.dumps({"adapter_sha256": DIGEST}))
    assert digests.find_adapter_digest(replace(tuned, merged=True)) == DIGEST
