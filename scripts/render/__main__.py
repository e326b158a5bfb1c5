"""`python -m scripts.render [NAME...] [--check]`: write the generated documents, or compare them.

Without names: all of them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from scripts.render.page import DOCS, ROOT, StaleError, with_blocks

MODULES: Final = sorted(file.stem for file in Path(__file__).parent.glob("*.py"))
NAMES: Final = [name for name in MODULES if name not in ("__init__", "__main__", "page")]


def stale(module: ModuleType) -> Iterator[tuple[Path, str]]:
    """Yield the files of one module that differ from what they should be."""
    blocks = getattr(module, "BLOCKS", {})
    pages = {path: with_blocks(path, blocks) for path in sorted(DOCS.rglob("*.md")) if blocks}
    whole = module.pages() if hasattr(module, "pages") else {}
    for path, text in (pages | whole).items():
        if not path.is_file() or path.read_text() != text:
            yield path, text


def write(module: ModuleType) -> None:
    """Write the pages of one module that differ."""
    for path, text in stale(module):
        path.write_text(text)
        print(f"==> {path.relative_to(ROOT)}")


def check(module: ModuleType) -> None:
    """Raise StaleError for a page of one module that is not current."""
    for path, _ in stale(module):
        raise StaleError(f"{path.relative_to(ROOT)} is out of date: run `make docs`.")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts.render", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args(arguments)
    failures = 0
    for name in options.names or NAMES:
        try:
            (check if options.check else write)(importlib.import_module(f"scripts.render.{name}"))
        except StaleError as error:
            print(error, file=sys.stderr)
            failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
