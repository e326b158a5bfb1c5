"""Documents stay short: the README, the changelog, each page, and all of them together."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.contract.process import ROOT
from tests.docs.examples import DOCS

PAGES: Final = sorted(DOCS.rglob("*.md"))  # as the site counts: links to files elsewhere, too
ALL_PAGES: Final = 5000
EACH_PAGE: Final = 249
README: Final = 100
CHANGELOG: Final = 80
VERSION: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NAMED: Final = {
    "CHANGELOG.md": r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$",
    "sdk/mmhie/_version.py": r'__version__ = "([\d.]+)"',
    "docker/gateway.Dockerfile": r'image\.version="([\d.]+)"',
    "docker/llm.Dockerfile": r'image\.version="([\d.]+)"',
    "docker/router.Dockerfile": r'image\.version="([\d.]+)"',
    "docs/kubernetes.md": r"example/mmhie-\w+:([\d.]+\d)",
}


def lines(page: Path) -> int:
    return len(page.read_text().splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_is_short(page: Path) -> None:
    """A page has one purpose and under 250 lines."""
    assert lines(page) <= EACH_PAGE


def test_all_pages_together_are_short() -> None:
    """An addition to the site replaces something."""
    assert sum(map(lines, PAGES)) <= ALL_PAGES


def test_the_readme_is_read_in_a_minute() -> None:
    """The README has at most 100 lines, and the changelog at most 80."""
    assert lines(ROOT / "README.md") <= README
    assert lines(ROOT / "CHANGELOG.md") <= CHANGELOG


def test_upgrades_come_first() -> None:
    """The newest version of the changelog begins with what a user must do."""
    sections = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert sections[0] == "When you upgrade"


@pytest.mark.parametrize("file", NAMED)
def test_the_version_is_the_same_everywhere(file: str) -> None:
    """Each file that names the version names that of pyproject.toml, the changelog first."""
    versions = re.findall(NAMED[file], (ROOT / file).read_text(), re.MULTILINE)

    assert versions
    assert versions[0] == VERSION
    assert file == "CHANGELOG.md" or set(versions) == {VERSION}
