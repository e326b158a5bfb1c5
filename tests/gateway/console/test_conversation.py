"""A conversation at the console: its turns, and where the page is while one is written."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.safety.disclaimer import default_text
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.console.browser import answered, begin, complete, in_view
from tests.gateway.console.conftest import Open

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

EMERGENCY = "My father has crushing chest pain right now, what should I do?"
LONG = ["line\n\n"] * 120


async def test_a_follow_up_goes_with_the_turns_before_it(page: Page, engine: FakeEngine) -> None:
    """Whole ones: what was stopped or failed is no part of them, and says so."""
    engine.next(fault="say", tokens=["Stridor."])
    await complete(page, "What is croup?")
    engine.next(fault="status", status=500)
    await complete(page, "Lost?")
    await begin(page, engine, "Stopped?")
    await page.keyboard.press("Escape")
    await answered(page)
    await expect(page.locator("article").last).to_contain_text("include it")
    await complete(page, "And at night?")

    turns = [turn["content"] for turn in engine.body()["messages"]]
    assert turns[-3:] == ["What is croup?", "Stridor.", "And at night?"]
    await expect(page.locator("article")).to_have_count(4)
    await expect(page.locator("#prompt")).to_have_value("")


async def export(page: Page, folder: Path) -> str:
    """Export the conversation; the text of the file."""
    await page.get_by_label("More, conversation").click()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    await (await download.value).save_as(folder / "conversation.md")
    return (folder / "conversation.md").read_text()


async def test_a_conversation_is_exported(page: Page, engine: FakeEngine, tmp_path: Path) -> None:
    """Every turn with its request's id and its notices, failed ones too; an answer that is being
    written is called that."""
    await begin(page, engine, "How much?")
    unfinished = "[The answer was still being written: it is not complete.]"
    assert unfinished in await export(page, tmp_path)
    await page.click("#stop")
    await answered(page)
    assert unfinished not in await export(page, tmp_path)
    await complete(page, EMERGENCY)
    engine.next(fault="status", status=500)
    await complete(page, "And at night?")
    text = await export(page, tmp_path)
    for kept in (EMERGENCY, "chest pain", default_text(), "No answer", "Safety notice 1.0.0"):
        assert kept in text
    for request in engine.seen("/v1/chat/completions")[-2:]:
        assert request["headers"]["x-request-id"] in text


async def test_a_notice_is_not_scrolled_away(
    window: Open, gateway: Gateway, engine: FakeEngine
) -> None:
    """The answer below it is followed as far as the notice stays in view."""
    engine.next(fault="say", tokens=LONG)
    async with window(gateway.url, width=390, height=700) as page:
        await complete(page, EMERGENCY)
        assert await in_view(page, "#disclaimer")
        notice = await page.locator("article .notice").bounding_box()
        top = await page.locator(".top").bounding_box()

    assert notice is not None
    assert top is not None
    assert top["y"] + top["height"] <= notice["y"] <= 700 - notice["height"]
