"""docs/compatibility.md: what the tests on the real engine found."""

from pathlib import Path

from scripts.render.page import StaleError
from tests.compatibility.ledger import LEDGER
from tests.compatibility.page import PAGE, Anything, outline, page

REMEDY = (
    "run tests/real/test_differential.py and tests/real/test_client_matrix.py, "
    "then `python -m scripts.render compatibility`"
)


def pages() -> dict[Path, str]:
    """Return the page of the findings. Raises StaleError for an incomplete or failed run."""
    try:
        text = page(LEDGER.findings())
    except KeyError as missing:
        raise StaleError(f"Nothing has been found yet about {missing}: {REMEDY}.") from None
    if "| failed |" in text:
        raise StaleError(f"Some rows have failed: repair them, {REMEDY}.")
    return {PAGE: text}


def check() -> None:
    """Raise StaleError when the page has other rows than the tests define."""
    if not PAGE.is_file() or outline(PAGE.read_text()) != outline(page(Anything())):
        raise StaleError(f"{PAGE.name} has other rows than the tests: {REMEDY}.")
