"""Write docs/faults.md from what the tests of the engine's faults found; `--check` only looks
whether it is what their table says."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # `tests` is not installed

from tests.faults.ledger import FOUND
from tests.faults.page import PAGE, expected, page

HOW = "run tests/faults/test_matrix.py"


def main() -> int:
    """0 when the page is as it has to be, 1 with a sentence when it cannot be."""
    if "--check" in sys.argv:
        return check()
    try:
        text = page(FOUND.findings())
    except KeyError as missing:
        print(f"Nothing has been found yet about {missing}; {HOW}.")
        return 1
    if text != page(expected()):
        print(f"What was found is not what the table says; repair it and {HOW}.")
        return 1
    PAGE.write_text(text)
    return 0


def check() -> int:
    if PAGE.is_file() and PAGE.read_text() == page(expected()):
        return 0
    print(f"{PAGE.name} is not what the table says; {HOW}, then scripts/render_faults.py.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
