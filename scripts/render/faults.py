"""docs/faults.md: the table of the engine's faults, once the tests have found each outcome."""

from pathlib import Path

from scripts.render.page import StaleError
from tests.faults.ledger import FOUND
from tests.faults.page import PAGE, expected, page

REMEDY = "run tests/faults/test_matrix.py, then `python -m scripts.render faults`"


def pages() -> dict[Path, str]:
    """Return the page of what the tests found. Raises StaleError for an incomplete run."""
    try:
        text = page(FOUND.findings())
    except KeyError as missing:
        raise StaleError(f"Nothing has been found yet about {missing}: {REMEDY}.") from None
    if text != page(expected()):
        raise StaleError(f"The findings differ from the table: repair it, {REMEDY}.")
    return {PAGE: text}


def check() -> None:
    """Raise StaleError when the page differs from the table."""
    if not PAGE.is_file() or PAGE.read_text() != page(expected()):
        raise StaleError(f"{PAGE.name} differs from the table: {REMEDY}.")
