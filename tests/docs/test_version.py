"""One version in every file that names it."""

import re
import tomllib
from typing import Final

import pytest

from tests.contract.process import ROOT

VERSION: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NAMED: Final = {
    "CHANGELOG.md": r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$",
    "sdk/mmhie/_version.py": r'__version__ = "([\d.]+)"',
    "docker/gateway.Dockerfile": r'image\.version="([\d.]+)"',
    "docker/llm.Dockerfile": r'image\.version="([\d.]+)"',
    "docs/kubernetes.md": r"example/mmhie-\w+:([\d.]+\d)",
}


@pytest.mark.parametrize("file", NAMED)
def test_the_version_is_the_same_everywhere(file: str) -> None:
    """Each file that names the version names that of pyproject.toml, the changelog first."""
    versions = re.findall(NAMED[file], (ROOT / file).read_text(), re.MULTILINE)

    assert versions
    assert versions[0] == VERSION
    assert file == "CHANGELOG.md" or set(versions) == {VERSION}
