"""The paths that the documentation names exist."""

import re
from pathlib import Path

import pytest

from tests.docs.examples import DOCS, pages

ROOT = DOCS.parent
PATH = re.compile(
    r"`((?:assurance|gateway|launcher|sdk|tests|scripts|docker|requirements)/[\w./-]*)`"
)


def named(page: Path) -> set[str]:
    """Return the files and folders a page names."""
    return set(PATH.findall(page.read_text()))


@pytest.mark.parametrize(
    "page",
    [*pages(), ROOT / "README.md", ROOT / "CONTRIBUTING.md"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_named_path_exists(page: Path) -> None:
    """A file or folder under its present name."""
    missing = {path for path in named(page) if not (ROOT / path).exists()}

    assert not missing


def test_every_term_has_its_code() -> None:
    """Each row of the glossary ends with a path."""
    rows = [row for row in (DOCS / "glossary.md").read_text().splitlines() if row.startswith("| ")]
    terms = [row for row in rows if not row.startswith("| term |")]

    assert len(terms) > 50
    assert [row for row in terms if not PATH.search(row.rsplit(" | ", 1)[1])] == []
