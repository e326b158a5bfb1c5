"""A real Chromium, and what a page in it said, asked for and did."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.fake_engine.process import FakeEngine
from tests.waiting import PATIENCE_S

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
AXE = Path(__file__).parents[2] / "clients" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# A button that a bar half covers, as far as the page happens to be scrolled, is not too small.
AUDIT = """async rules => {
  const stick = at => document.querySelectorAll(".top, .ask").forEach(bar => {
    bar.style.position = at;
  });
  stick("relative");
  const report = await axe.run({ runOnly: { type: "tag", values: rules } });
  stick("");
  return report;
}"""
Scheme = Literal["light", "dark"]
Faults = list[str]
ENDLESS = ({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.02})
# What a button has put on the clipboard for a word processor.
FORMATTED = """async () => {
  const [item] = await navigator.clipboard.read();
  return (await item.getType("text/html")).text();
}"""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless browser with a profile of its own, ended with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(ARGUMENTS), timeout=PATIENCE_S * 1000
        )
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def opened(
    browser: Browser,
    url: str,
    *,
    width: int = 1280,
    height: int = 800,
    scheme: Scheme = "light",
) -> AsyncIterator[Page]:
    """The console in a window; fails at the end where it erred or asked anybody else."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="en-GB",
        timezone_id="UTC",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    page = await context.new_page()
    faults = listened(page, url)
    await page.goto(url)
    try:
        yield page
    finally:
        await context.close()
    assert not faults


def listened(page: Page, url: str) -> Faults:
    """Collect what goes wrong on a page, as it happens. A refused or broken request is not its
    fault."""
    faults: Faults = []

    def console(message: Any) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", console)
    page.on(
        "request",
        lambda request: None if request.url.startswith(url) else faults.append(request.url),
    )
    return faults


async def ready(page: Page) -> None:
    """The page knows that the model is, and has its letters: those before them are wider."""
    await page.wait_for_selector("#status[data-phase=ready]")
    await page.evaluate("document.fonts.ready.then(() => true)")


async def ask(page: Page, prompt: str) -> None:
    """Put a question and do not wait for the answer."""
    await ready(page)
    await page.fill("#prompt", prompt)
    await page.click("#send")


async def answered(page: Page) -> None:
    """The newest answer has ended, however it did."""
    await page.wait_for_selector("article:last-of-type[aria-busy=false]")


async def complete(page: Page, *prompts: str) -> None:
    """Put questions one after the other, each once the answer before it has ended."""
    for prompt in prompts:
        await ask(page, prompt)
        await answered(page)


async def begin(page: Page, engine: FakeEngine, prompt: str) -> None:
    """Put a question whose answer has no end, and see its first words."""
    engine.next(*ENDLESS)
    await ask(page, prompt)
    await expect(page.locator("article").last.locator(".text")).not_to_be_empty()


async def in_view(page: Page, selector: str) -> bool:
    """Return whether the whole of an element can be seen without scrolling."""
    box, size = await page.locator(selector).bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


async def choose(page: Page, name: str) -> None:
    """Choose from behind the newest answer's "…"."""
    await page.locator("article").last.locator("details.menu > summary").click()
    await page.locator("article").last.get_by_role("button", name=name).click()


async def clipboard(page: Page) -> str:
    """Return what a button has put on the clipboard, once it says so."""
    await page.wait_for_function("() => announce.textContent === 'Copied'")
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text


async def take_key(page: Page, secret: str) -> None:
    """Answer the question for a key that a page opens with."""
    await page.fill("#key", secret)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#key-dialog:not([open])", state="attached")


async def violations(page: Page) -> list[str]:
    """Return the findings of axe-core, in short; its script comes by way of the debugger, past the
    policy."""
    if not await page.evaluate("'axe' in window"):  # reading it takes as long as a report
        await page.evaluate(AXE.read_text())
    report = await page.evaluate(AUDIT, list(RULES))
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in report["violations"]
        for node in violation["nodes"]
    ]


async def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    width: int = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width
