"""The examples of the documentation: every fenced block of bash or Python, run as it stands."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PATIENCE_S = 180
COMMANDS = {"bash": ("bash", "-euo", "pipefail", "-c"), "python": (sys.executable, "-c")}


@dataclass(frozen=True, slots=True)
class Example:
    """One block: the page it stands on, which one it is there, and its text."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"

    def run(self, url: str) -> "subprocess.CompletedProcess[str]":
        """Run it against a gateway elsewhere than at the address it names."""
        return subprocess.run(
            [*COMMANDS[self.language], self.text.replace(ADDRESS, url)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={"PATH": os.environ["PATH"], "MMHIE_URL": url, "MMHIE_TIMEOUT_SECONDS": "120"},
        )


def pages() -> list[Path]:
    """The pages written for the site; a link to a file elsewhere is tested there."""
    return [page for page in sorted(DOCS.rglob("*.md")) if not page.is_symlink()]


def examples() -> list[Example]:
    """All of them, in the order of pages."""
    return [
        Example(str(page.relative_to(DOCS)), number, language, text)
        for page in pages()
        for number, (language, text) in enumerate(BLOCK.findall(page.read_text()))
    ]
