"""`python -m scripts.render [NAME...] [--check]`: write the generated documents, or compare them.

Without names: all but those that need the findings of a test run.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Final

from scripts.render.page import ROOT, StaleError

# Written from what tests have found; `check` compares without a test run.
FOUND_BY_TESTS: Final = ("faults", "compatibility")
NO_PAGES: Final = ("__init__", "__main__", "page", *FOUND_BY_TESTS)
MODULES: Final = sorted(file.stem for file in Path(__file__).parent.glob("*.py"))
NAMES: Final = [name for name in MODULES if name not in NO_PAGES]


def write(name: str) -> None:
    """Write the pages of one module that differ."""
    module = importlib.import_module(f"scripts.render.{name}")
    for path, text in module.pages().items():
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(f"==> {path.relative_to(ROOT)}")
    if hasattr(module, "draw"):
        module.draw()


def check(name: str) -> None:
    """Raise StaleError for a page of one module that is not current."""
    module = importlib.import_module(f"scripts.render.{name}")
    if hasattr(module, "check"):
        module.check()
        return
    for path, text in module.pages().items():
        if not path.is_file() or path.read_text() != text:
            raise StaleError(f"{path.relative_to(ROOT)} is out of date: run `make docs`.")


def main(arguments: list[str]) -> int:
    checked = [*NAMES, *FOUND_BY_TESTS]
    parser = argparse.ArgumentParser(prog="scripts.render", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(checked))
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args(arguments)
    stale = 0
    for name in options.names or (checked if options.check else NAMES):
        try:
            (check if options.check else write)(name)
        except StaleError as error:
            print(error, file=sys.stderr)
            stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
