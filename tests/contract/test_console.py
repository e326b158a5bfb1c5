"""The console's files, as HTTP: what they are, who may have them, and what a browser may do."""

import pytest

from gateway.console.assets import PAGE
from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.contract.surfaces import refusal_of

FILES = sorted(path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file())


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


@pytest.mark.parametrize("path", ["nothing.js", "../assets.py", "%2e%2e/assets.py", "//etc/passwd"])
def test_there_is_nothing_else(gateway: Gateway, path: str) -> None:
    """404 in the one shape, and no way out of the folder."""
    response = gateway.client.get(f"/console/{path}")

    assert refusal_of(response) == (404, "not_found")


def test_the_operators_notice_is_text_whatever_it_says(gateway_with: Shared) -> None:
    """Escaped, in its own language."""
    text, language = "<b>&{{max_tokens}}", "de"
    gateway = gateway_with(MMHIE_DISCLAIMER_TEXT=text, MMHIE_DISCLAIMER_LANGUAGE=language)

    page = gateway.client.get("/").text
    assert '<p id="disclaimer" lang="de">&lt;b&gt;&amp;{{max_tokens}}</p>' in page
