"""Examples of the documentation: every fenced block of bash or Python, run unchanged."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TIMEOUT_S = 900
SHELL = ("bash", "-euo", "pipefail", "-c")


@dataclass(frozen=True, slots=True)
class Example:
    """One block: its page, its number there, and its text."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"

    def run(
        self, url: str, *, python: str = sys.executable, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run the block, with the address of this gateway instead of its own."""
        command = SHELL if self.language == "bash" else (python, "-c")
        ours = {"PATH": os.environ["PATH"], "MMHIE_URL": url, "MMHIE_TIMEOUT_SECONDS": "120"}
        return subprocess.run(
            [*command, self.text.replace(ADDRESS, url)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env={**ours, **environ},
        )


def pages() -> list[Path]:
    """Return the pages of the site; links to files elsewhere are tested there."""
    return [page for page in sorted(DOCS.rglob("*.md")) if not page.is_symlink()]


def examples() -> list[Example]:
    """Return all examples in the order of pages."""
    return [example for page in pages() for example in examples_of(page)]


def examples_of(page: Path) -> list[Example]:
    """Return the examples of one page, which is named by its way from the site's folder."""
    name = os.path.relpath(page, DOCS)
    blocks = BLOCK.findall(page.read_text())
    return [Example(name, number, *block) for number, block in enumerate(blocks)]
