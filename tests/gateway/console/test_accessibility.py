"""Nine states of the page, at three widths and in both themes, as axe-core judges them."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.hold.hold import Hold, write
from tests.contract.fixtures import Start
from tests.fake_engine.process import FakeEngine
from tests.gateway.console.browser import answered, ask, choose, overflow, ready, violations
from tests.gateway.console.conftest import Open

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SIZES = ((320, 568), (390, 844), (1280, 800))
EMERGENCY = "My father has crushing chest pain right now, what should I do?"
NAME = "Tiny, demonstration, not a medical model"
ANSWER = (
    "# Croup\n\n1. **one**\n\n|a|b|\n|-|-|\n|c|`d`|\n\n$\\text{FENa} = \\frac{a_1}{b^2}$\n\n",
    "w" * 300,
)
# A state is reached from the one before it.
State = Callable[[Page, FakeEngine], Awaitable[None]]


async def first(page: Page, engine: FakeEngine) -> None:
    await ready(page)
    await expect(page.locator("#recorded math")).to_be_visible()


async def writing(page: Page, engine: FakeEngine) -> None:
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.5})
    await ask(page, "What is croup?")
    await expect(page.locator("article .text")).not_to_be_empty()


async def cut_off(page: Page, engine: FakeEngine) -> None:
    await page.keyboard.press("Escape")
    await answered(page)
    engine.next(
        {"fault": "say", "finish": "length", "tokens": list(ANSWER)}, {"fault": "reasoning"}
    )
    await page.locator("#options summary").click()
    await page.check("#include-reasoning")
    await ask(page, EMERGENCY)
    await answered(page)
    for folded in (".reasoning summary", ".answer-notice summary"):
        await page.locator(f"article:last-of-type {folded}").click()


async def refuse(page: Page, engine: FakeEngine) -> None:
    engine.next(fault="status", status=500)
    await ask(page, EMERGENCY)
    await answered(page)


async def with_options(page: Page, engine: FakeEngine) -> None:
    await page.locator("#options summary").click()


async def with_a_menu(page: Page, engine: FakeEngine) -> None:
    await page.locator("#options summary").click()
    await page.locator("article").last.locator("details.menu > summary").click()


async def with_provenance(page: Page, engine: FakeEngine) -> None:
    await page.keyboard.press("Escape")
    await choose(page, "Provenance")


async def empty(page: Page, engine: FakeEngine) -> None:
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()


STATES: tuple[State, ...] = (
    first, writing, cut_off, refuse, with_options, with_a_menu, with_provenance, empty,
)  # fmt: skip


async def judge(page: Page, name: str) -> None:
    """Every width and theme: nothing sticks out, and axe finds nothing."""
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        assert await overflow(page) <= 0, (name, width)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await violations(page) == [], (name, width, scheme)


async def test_every_state_size_and_theme(
    window: Open, start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """No violation of WCAG 2.2 AA or of good practice in any; a hold is the ninth."""
    phase_file, hold = tmp_path / "phase.json", tmp_path / "hold.json"
    model = {"id": "fake-model", "display_name": NAME, "reasoning": True}
    phase_file.write_text(json.dumps({"phase": "ready", "model": model}))
    gateway = start(
        MMHIE_PHASE_FILE=str(phase_file),
        MMHIE_HOLD_FILE=str(hold),
        MMHIE_FEEDBACK_FILE=str(tmp_path / "feedback.db"),
        MMHIE_AUDIT_KEY="k" * 32,
    )
    async with window(gateway.url) as page:
        for state in STATES:
            await state(page, engine)
            await judge(page, state.__name__)
        write(hold, Hold(reason="wrong doses seen", by="dr. a", since="2026-01-02T03:04:05.5Z"))
        await expect(page.locator("#state")).to_contain_text("2 Jan 2026, 03:04:05. Reason: wrong")
        await judge(page, "held")
