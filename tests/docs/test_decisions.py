"""Decisions name the packages and versions that the project has."""

import re
import tomllib
from typing import Final

from tests.contract.process import ROOT
from tests.docs.examples import DOCS

PAGE: Final = (DOCS / "decisions.md").read_text()
# Distribution names that the table of dependencies spells with its extras or in another way.
EXTRAS: Final = re.compile(r"[\[<>=].*")


def test_every_direct_dependency_has_its_reason() -> None:
    """The table of dependencies names each package that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [name for names in project["optional-dependencies"].values() for name in names]
    asked = {EXTRAS.sub("", name) for name in [*project["dependencies"], *optional]}
    rows = re.findall(r"^\| (.+?) \| .+ \|$", PAGE, re.MULTILINE)

    assert {name for name in asked if not any(name in row for row in rows)} == set()


def test_versions_are_those_of_the_locks() -> None:
    """A version that a decision gives for a pinned package is the pinned one."""
    lock = "".join(file.read_text() for file in (ROOT / "requirements").glob("*.txt"))
    plugins = set(re.findall(r"`(vllm-[\w-]+)` (\d[\d.]+\d)", PAGE))

    assert len(plugins) >= 2
    assert [(name, version) for name, version in plugins if f"{name}=={version}" not in lock] == []
