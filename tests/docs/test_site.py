"""The site: built strictly, without a network, and without a byte from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.examples import DOCS

NOWHERE = "http://127.0.0.1:9"
# What a browser fetches by itself from another host; a link that names a page is none.
ELSEWHERE = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\ssrc=[\"']?(?:https?:)?//"
    r"|<link\b(?![^>]*rel=[\"']?(?:canonical|prev|next|alternate))[^>]*\shref=[\"']?(?:https?:)?//"
    r"|url\([\"']?(?:https?:)?//"
)


def test_no_page_fetches_anything_from_elsewhere(tmp_path: Path) -> None:
    """No script, font or picture of another host, by no style sheet; every way out is closed while
    the site is built."""
    closed = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=DOCS.parent,
        env={"PATH": os.environ["PATH"], **closed},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

    files = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert len(files) > 30
    assert [file.name for file in files if ELSEWHERE.search(file.read_text())] == []
