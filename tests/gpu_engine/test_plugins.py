"""The plugins beside the locked GPU engine: each name that they import from vLLM exists there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gpu_engine.wheel import LOCK, downloaded, unpacked

pytestmark = pytest.mark.slow

PLUGINS = LOCK.with_name("engine-plugins.txt")
OURS = re.findall(r"^vllm-\S+", PLUGINS.read_text(), re.MULTILINE)


def module(name: str) -> Path | None:
    """The file of vLLM's module."""
    path = unpacked().joinpath(*name.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """Module and name of everything that is imported from vLLM by name."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module or "", alias.name) for alias in node.names)


def defines(name: str, wanted: str) -> bool:
    """The module has the name itself, as a submodule, or from a module that it imports whole."""
    file = module(name)
    if file is None:
        return False
    text = file.read_text()
    others = re.findall(r"^from \.(\w+) import \*", text, re.MULTILINE)
    whole = [f"{name}.{other}" for other in others]
    is_here = re.search(rf"\b{re.escape(wanted)}\b", text) or module(f"{name}.{wanted}")
    return bool(is_here) or any(defines(each, wanted) for each in whole)


@pytest.mark.parametrize("requirement", OURS)
def test_imports_exist(requirement: str) -> None:
    """A plugin that vLLM moved away from would end the engine's start."""
    named = {
        pair
        for file in downloaded(requirement).rglob("*.py")
        for pair in imports(file)
        if pair[0].split(".")[0] == "vllm"
    }

    assert len(named) > 10
    assert [pair for pair in sorted(named) if not defines(*pair)] == []
