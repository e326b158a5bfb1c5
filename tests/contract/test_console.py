"""The console's files, as HTTP: what they are, who may have them, and what a browser may do."""

from pathlib import Path

import pytest

from gateway.auth import keys
from gateway.console.assets import PAGE
from gateway.safety.disclaimer import default_text
from tests.contract.fixtures import Shared, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import refusal_of
from tests.fake_engine.process import FakeEngine

PRODUCTION = {"MMHIE_ENV": "production", "MMHIE_WITHOUT_AUDIT": "true"}
FILES = sorted(path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file())


def test_the_page(gateway: Gateway) -> None:
    """HTML with the safety notice in it, before any script has run; HEAD has its headers alone."""
    page = gateway.client.get("/")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert default_text() in page.text
    assert "{{" not in page.text
    head = gateway.client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 1000


@pytest.mark.parametrize("file", FILES)
def test_every_file_is_served_under_the_policy(gateway: Gateway, file: str) -> None:
    """Nothing from elsewhere, nothing inline, no sniffing, no frame."""
    response = gateway.client.get(f"/console/{file}")

    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert "trusted-types 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_nothing_is_asked_of_anybody_else(gateway: Gateway) -> None:
    """No address of another host in what is ours; what is vendored has its licence beside it."""
    for file in FILES:
        if file.endswith((".html", ".css", ".js")) and not file.startswith("vendor/"):
            text = (PAGE / file).read_text()
            assert "://" not in text, file
            assert "innerHTML" not in text, file
    assert {"vendor/uPlot-LICENSE.txt", "fonts/atkinson-LICENSE.txt"} <= set(FILES)


@pytest.mark.parametrize("path", ["nothing.js", "../assets.py", "%2e%2e/assets.py", "//etc/passwd"])
def test_there_is_nothing_else(gateway: Gateway, path: str) -> None:
    """404 in the one shape, and no way out of the folder."""
    response = gateway.client.get(f"/console/{path}")

    assert refusal_of(response) == (404, "not_found")


def test_it_is_open_where_keys_are_asked_for(
    start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """The page holds no secret and asks for a key itself; its figures follow /metrics."""
    keys.write(tmp_path / "keys.json", [])
    gateway = start(engine.url, MMHIE_KEYS_FILE="keys.json", **PRODUCTION).wait()

    assert gateway.client.get("/").status_code == 200
    assert gateway.client.get("/console/main.js").status_code == 200
    assert gateway.client.get("/v1/mmhie/load").status_code == 401
    assert gateway.client.get("/metrics").status_code == 401


def test_the_operators_notice_is_text_whatever_it_says(gateway_with: Shared) -> None:
    """Escaped, in its own language."""
    text, language = "<b>&{{max_tokens}}", "de"
    gateway = gateway_with(MMHIE_DISCLAIMER_TEXT=text, MMHIE_DISCLAIMER_LANGUAGE=language)

    page = gateway.client.get("/").text
    assert '<p id="disclaimer" lang="de">&lt;b&gt;&amp;{{max_tokens}}</p>' in page
