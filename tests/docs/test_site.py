"""The site: built strictly, without a network, and without a byte from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.examples import DOCS

ROOT = DOCS.parent
NOWHERE = "http://127.0.0.1:9"
# Tags a browser fetches by itself, with the attribute that says from where.
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
LINKS_NOT_FETCHED = {"canonical", "prev", "next", "alternate"}


class Assets(HTMLParser):
    """Collects what a page has its reader's browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        where = given.get(FETCHED.get(tag, ""))
        if where and not (tag == "link" and given.get("rel") in LINKS_NOT_FETCHED):
            self.found.append(where)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; every way out is closed while it is built."""
    folder = tmp_path_factory.mktemp("site")
    closed = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **closed},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def assets(page: Path) -> list[str]:
    reader = Assets()
    reader.feed(page.read_text())
    return reader.found


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    """No script, font or picture of another host, by no style sheet; what is named is there."""
    pages = list(site.rglob("*.html"))
    assert pages
    for page in pages:
        for asset in assets(page):
            place = urlsplit(asset)
            assert not place.netloc, (page.name, asset)
            if place.scheme != "data" and page.name != "404.html":
                assert (page.parent / unquote(place.path)).exists(), (page.name, asset)

    for sheet in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//", sheet.read_text()), sheet.name
