"""A conversation at the console: its turns, and where the page is while one is written."""

import pytest
from playwright.async_api import Browser, Page, expect

from gateway.safety.disclaimer import default_text
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.console.browser import answered, ask, ready
from tests.gateway.console.conftest import Open

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

EMERGENCY = "My father has crushing chest pain right now, what should I do?"
ENDLESS = ({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.02})
AT_END = "() => scrollY >= document.documentElement.scrollHeight - innerHeight - 24"
LONG = ["line\n\n"] * 120


async def test_a_follow_up_goes_with_the_turns_before_it(page: Page, engine: FakeEngine) -> None:
    """Whole ones: what was stopped or failed is no part of them, and says so."""
    engine.next(fault="say", tokens=["Stridor."])
    await ask(page, "What is croup?")
    await answered(page)
    engine.next(fault="status", status=500)
    await ask(page, "Lost?")
    await answered(page)
    engine.next(*ENDLESS)
    await ask(page, "Stopped?")
    await expect(page.locator("article").last.locator(".text")).not_to_be_empty()
    await page.keyboard.press("Escape")
    await answered(page)
    await expect(page.locator("article").last).to_contain_text("include it")
    await ask(page, "And at night?")
    await answered(page)

    assert [turn["content"] for turn in engine.body()["messages"]][-3:] == [
        "What is croup?",
        "Stridor.",
        "And at night?",
    ]
    await expect(page.locator("article")).to_have_count(4)
    await expect(page.locator("#prompt")).to_have_value("")


async def test_every_turn_keeps_its_notices_and_the_disclaimer(
    page: Page, engine: FakeEngine
) -> None:
    """Also one that failed or was stopped, after others have followed."""
    engine.next(fault="status", status=500)
    await ask(page, EMERGENCY)
    await answered(page)
    engine.next(*ENDLESS)
    await ask(page, EMERGENCY)
    await expect(page.locator("article").last.locator(".text")).not_to_be_empty()
    await page.keyboard.press("Escape")
    await answered(page)
    for question in (EMERGENCY, "And at night?"):
        await ask(page, question)
        await answered(page)

    for turn in await page.locator("article").all():
        await expect(turn.locator(".notice").first).to_contain_text("chest pain")
        await expect(turn.locator(".answer-notice")).to_have_text(default_text())


async def test_a_new_conversation(page: Page, engine: FakeEngine) -> None:
    """Nothing of the old one is left, on the page or for the model; a running answer is stopped."""
    await ask(page, "What is croup?")
    await answered(page)
    engine.next(*ENDLESS)
    await ask(page, "And at night?")
    await expect(page.locator("article").last.locator(".text")).not_to_be_empty()
    await page.get_by_role("button", name="New conversation").click()

    engine.until(lambda stats: stats["aborted"] == 1)
    await expect(page.locator("article")).to_have_count(0)
    await expect(page.locator("#stop")).to_be_hidden()
    await expect(page.locator("#prompt")).to_be_focused()
    await expect(page.locator("#prompt")).to_have_value("")
    await ask(page, "What is asthma?")
    await answered(page)
    assert "croup" not in str(engine.body()["messages"])


async def test_an_example_is_put_into_the_question(page: Page, gateway: Gateway) -> None:
    """It is not sent yet; none raises a notice."""
    await ready(page)
    for example in await page.locator("#examples button").all():
        await example.click()
        prompt = await example.inner_text()
        await expect(page.locator("#prompt")).to_have_value(prompt)
        await expect(page.locator("#prompt")).to_be_focused()
        answer = gateway.client.post("/llm/generate", json={"prompt": prompt, "stream": False})
        assert answer.json()["notices"] == []
    await expect(page.locator("article")).to_have_count(0)


async def test_the_answer_is_followed(page: Page, engine: FakeEngine) -> None:
    """Until the reader scrolls up; again with the button, or at the end of the page."""
    engine.next(fault="say", tokens=LONG)
    await ask(page, "What is croup?")
    await answered(page)
    await page.wait_for_function(AT_END)
    engine.next(*ENDLESS, {"fault": "say", "tokens": LONG})
    await ask(page, "And at night?")
    await expect(page.locator("article").last.locator(".text")).not_to_be_empty()
    await page.wait_for_function(AT_END)

    await page.mouse.move(300, 300)
    await page.mouse.wheel(0, -800)
    button = page.get_by_role("button", name="Follow the answer")
    await expect(button).to_be_visible()
    stayed = await page.evaluate("scrollY")
    height = await page.evaluate("document.documentElement.scrollHeight")
    await page.wait_for_function(f"() => document.documentElement.scrollHeight > {height}")
    assert await page.evaluate("scrollY") == stayed
    await button.click()
    await page.wait_for_function(AT_END)
    await expect(button).to_be_hidden()
    await page.keyboard.press("Escape")
    await answered(page)


@pytest.mark.parametrize("width", [390, 1280])
async def test_a_notice_is_not_scrolled_away(
    window: Open, gateway: Gateway, engine: FakeEngine, width: int
) -> None:
    """The answer below it is followed as far as the notice stays in view."""
    engine.next(fault="say", tokens=LONG)
    async with window(gateway.url, width=width, height=700) as page:
        await ask(page, EMERGENCY)
        await answered(page)
        notice = await page.locator("article .notice").bounding_box()
        top = await page.locator(".top").bounding_box()

    assert notice is not None
    assert top is not None
    assert top["y"] + top["height"] <= notice["y"] <= 700 - notice["height"]


async def test_on_a_touch_screen(browser: Browser, gateway: Gateway) -> None:
    """The question is asked with the button."""
    context = await browser.new_context(
        viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    await page.goto(gateway.url)
    await ready(page)
    await page.locator("#prompt").fill("What is croup?")
    await page.locator("#send").tap()
    await answered(page)

    assert await page.locator("article .text").inner_text()
    await context.close()
