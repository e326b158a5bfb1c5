"""Keys at the console: asked for before the first question, tried, and never kept."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.contract.fixtures import Start
from tests.gateway.auth.conftest import add_key
from tests.gateway.console.browser import answered, take_key, violations
from tests.gateway.console.conftest import Open

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def clinician(tmp_path: Path) -> str:
    """A key of the gateway."""
    return add_key(tmp_path / "keys.json", "clinician", "generate")


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: Open, start: Start, clinician: str, tmp_path: Path) -> AsyncIterator[Page]:
    """The console of a gateway that asks for keys, as in production."""
    keys = {"MMHIE_KEYS_FILE": str(tmp_path / "keys.json")}
    gateway = start(MMHIE_ENV="production", MMHIE_WITHOUT_AUDIT="true", **keys)
    async with window(gateway.url) as opened:
        yield opened


async def enter(page: Page, prompt: str) -> None:
    """Put a question with the keyboard, as soon as one can be put."""
    await expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    await page.fill("#prompt", prompt)
    await page.keyboard.press("Enter")


async def test_a_key_is_asked_for_before_the_first_question(page: Page, clinician: str) -> None:
    """One that the gateway does not know is not taken; one that it knows is kept in memory."""
    dialog = page.get_by_role("dialog", name="Access key")
    await expect(dialog).to_be_visible()
    await expect(page.locator("#key")).to_be_focused()
    assert await violations(page) == []
    await page.fill("#key", "not-a-key")
    await page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("unknown, expired or revoked")
    await expect(page.locator("#key-open")).to_have_text("Access key")

    await take_key(page, clinician)
    await expect(page.locator("#key-open")).to_have_text("Access key: set")
    await enter(page, "What is croup?")
    await answered(page)

    assert await page.locator("article .text").inner_text()
    kept = await page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location])"
    )
    assert clinician not in kept
    assert clinician not in await page.content()
    assert await page.input_value("#key") == ""
    await page.reload()
    await expect(dialog).to_be_visible()


async def test_a_question_without_a_key_waits_for_one(page: Page, clinician: str) -> None:
    """Whoever closes the dialog is asked again by the question, which then goes out by itself."""
    dialog = page.get_by_role("dialog", name="Access key")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await enter(page, "What is croup?")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#why")).to_contain_text("need an access key")
    await expect(page.locator("article")).to_have_count(0)

    await page.click("#send")
    await take_key(page, clinician)
    await answered(page)
    assert await page.locator("article .text").inner_text()
