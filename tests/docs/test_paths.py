"""The paths and the tests that the documentation names exist."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.examples import DOCS, pages

ROOT = DOCS.parent
PATH = re.compile(
    r"`((?:assurance|gateway|launcher|sdk|tests|scripts|docker|requirements)/[\w./-]*)`"
)


TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
PAGES = [*pages(), *sorted(DOCS.rglob("*.toml")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


@cache
def defined(file: str) -> set[str]:
    """Return the names of the tests in a file; none where it is not there."""
    path = ROOT / file
    text = path.read_text() if path.is_file() else ""
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_everything_named_exists(page: Path) -> None:
    """Files and folders, and tests in their file, under their present names."""
    text = page.read_text()
    tests = set(TEST.findall(text))

    assert {path for path in PATH.findall(text) if not (ROOT / path).exists()} == set()
    assert {(file, name) for file, name in tests if name not in defined(file)} == set()
