"""/docs in a real Chromium: our own files, under a policy, and nobody else is asked."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.contract.fixtures import Start
from tests.contract.process import Gateway
from tests.gateway.auth.conftest import add_key
from tests.gateway.console.conftest import Open

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_the_page(window: Open, gateway: Gateway) -> None:
    """Every path of the description, without an error or a request to elsewhere."""
    async with window(gateway.url) as page:
        await page.goto(f"{gateway.url}/docs")
        await expect(page.locator("#api")).to_contain_text("/llm/generate")
        await expect(page.locator("#api")).to_contain_text("/v1/models")
    headers = gateway.client.get("/docs").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src 'self';" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


async def test_where_it_is_served(start: Start, gateway: Gateway, tmp_path: Path) -> None:
    """In production no file of it is."""
    keys = tmp_path / "keys.json"
    add_key(keys, "ward", "generate")
    off = start(MMHIE_ENV="production", MMHIE_KEYS_FILE=str(keys), MMHIE_WITHOUT_AUDIT="true")

    for path in ("/docs", "/docs/start.js", "/docs/vendor/swagger-ui.css"):
        assert off.client.get(path).status_code == 404
        assert gateway.client.get(path).status_code == 200
