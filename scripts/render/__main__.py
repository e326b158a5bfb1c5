"""`python -m scripts.render [--check]`: write the generated documents, or compare them."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.render import plans, safety_case, settings, sync_client
from scripts.render.page import DOCS, ROOT, with_blocks


def stale() -> Iterator[tuple[Path, str]]:
    """Yield the files that differ from what they should be."""
    blocks = plans.BLOCKS | safety_case.BLOCKS | settings.BLOCKS
    pages = {path: with_blocks(path, blocks) for path in sorted(DOCS.rglob("*.md"))}
    pages |= settings.pages() | sync_client.pages()
    for path, text in pages.items():
        if not path.is_file() or path.read_text() != text:
            yield path, text


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    is_check = parser.parse_args(arguments).check
    changed = list(stale())
    for path, text in changed:
        name = path.relative_to(ROOT)
        if is_check:
            print(f"{name} is out of date: run `make docs`.", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"==> {name}")
    return int(is_check and bool(changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
