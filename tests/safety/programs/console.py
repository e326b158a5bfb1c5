"""The console in a real Chromium, asked with a key."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from playwright.async_api import Page, expect

from tests.gateway.console.browser import answered, choose, chromium, opened, take_key

CARD = {
    "notice": "article [role=alert] .notice",
    "remark": "article .remark",
    "disclaimer": "article .answer-notice",
}
DRAWER = """() => Object.fromEntries([...document.querySelectorAll('#origin dt')].map(
  (name) => [name.textContent, name.nextElementSibling.textContent]))"""


class Console:
    """One browser for many questions, on an event loop of its own."""

    def __init__(self) -> None:
        self._runner, self._stack = asyncio.Runner(), AsyncExitStack()
        self._browser = self._runner.run(self._stack.enter_async_context(chromium()))

    def close(self) -> None:
        """End the browser."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def ask(self, url: str, key: str, prompt: str, **how: Any) -> dict[str, Any]:
        """The reader's view: the `card` of the answer, and the `drawer` with its origin."""
        return self._runner.run(self._ask(url, key, prompt, **how))

    async def _ask(
        self, url: str, key: str, prompt: str, *, leaves: bool, max_tokens: int | None = None
    ) -> dict[str, Any]:
        async with opened(self._browser, url) as page:
            await take_key(page, key)
            if max_tokens:
                await page.click("#options summary")
                await page.fill("#max-tokens", str(max_tokens))
            await page.fill("#prompt", prompt)
            await expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
            await page.click("#send")
            if leaves:
                await expect(page.locator("article .text")).not_to_be_empty()
                await page.click("#stop")
            await answered(page)
            return await seen(page)


async def seen(page: Page) -> dict[str, Any]:
    """The parts of a card by name, each as text, the note of the page, the rows of the drawer."""
    if await page.locator("article .answer-notice summary").count():
        await page.locator("article .answer-notice summary").last.click()
    parts = {
        name: "\n".join(await page.locator(place).all_inner_texts()) for name, place in CARD.items()
    }
    note = await page.locator("#emergency-note").inner_text()
    await choose(page, "Provenance")
    return {"card": parts, "page": {"note": note}, "drawer": await page.evaluate(DRAWER)}
