"""Write docs/compatibility.md from what the tests on the real engine found; `--check` only looks
whether it has the rows that the tests define."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # `tests` is not installed

from tests.compatibility.ledger import LEDGER
from tests.compatibility.page import PAGE, Anything, outline, page

HOW = "run tests/real/test_differential.py and tests/real/test_client_matrix.py"


def main() -> int:
    """0 when the page is as it has to be, 1 with a sentence when it cannot be."""
    if "--check" in sys.argv:
        return check()
    found = LEDGER.findings()
    try:
        text = page(found)
    except KeyError as missing:
        print(f"Nothing has been found yet about {missing}; {HOW}.")
        return 1
    if "| failed |" in text:
        print(f"Some rows have failed; repair them and {HOW}.")
        return 1
    PAGE.write_text(text)
    return 0


def check() -> int:
    if PAGE.is_file() and outline(PAGE.read_text()) == outline(page(Anything())):
        return 0
    print(
        f"{PAGE.name} has other rows than the tests; {HOW}, then scripts/render_compatibility.py."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
