"""The console, used in a real browser in front of a real gateway."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from gateway.hold.hold import Hold, write
from gateway.safety.disclaimer import default_text
from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.console.browser import (
    FORMATTED,
    answered,
    ask,
    begin,
    choose,
    clipboard,
    complete,
    in_view,
    overflow,
    ready,
    violations,
)
from tests.gateway.console.conftest import Open

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

EMERGENCY = "My father has crushing chest pain right now, what should I do?"
CHAT = "/v1/chat/completions"
ENDED = {"reset_midstream": "engine_cut", "error_midstream": "engine_rejected"}
SLOW = {"fault": "slow_tokens", "seconds": 0.15}
ATTACK = (
    "<img src=x onerror='window.attacked=1'><script>window.attacked=1</script>"
    "[a](javascript:window.attacked=1) ![b](http://example.invalid/b.png) "
    "<iframe src='http://example.invalid'></iframe> **<b onclick=x>c</b>**"
)


@pytest.mark.gate
async def test_an_answer_is_read_as_it_is_written(page: Page, engine: FakeEngine) -> None:
    """Words appear before the last one is there; then what belongs to an answer is."""
    engine.next(SLOW)
    await ask(page, "What is croup?")
    text = page.locator("article .text")
    await expect(text).not_to_be_empty()
    begun = await text.inner_text()
    await expect(page.locator("article")).to_have_attribute("aria-busy", "true")
    await answered(page)

    whole = await text.inner_text()
    assert whole.startswith(begun.strip()[:-1])
    assert len(whole) > len(begun)
    await expect(page.locator("article .made-by")).to_contain_text("AI-generated")
    await expect(page.locator("article .answer-notice p").first).to_have_text(default_text())
    assert engine.body()["messages"][-1]["content"] == "What is croup?"


async def test_the_safety_notice_never_leaves_the_view(page: Page, engine: FakeEngine) -> None:
    """Not while scrolling, not under a dialog."""
    engine.next(fault="say", tokens=["line\n\n"] * 120)
    await complete(page, "What is croup?")
    await page.mouse.wheel(0, 2000)
    await page.wait_for_function("() => scrollY > 300")
    assert await in_view(page, "#disclaimer")

    await choose(page, "Provenance")
    covered = await page.evaluate(
        "() => document.querySelector('dialog[open]').getBoundingClientRect().top"
        " < disclaimer.getBoundingClientRect().bottom"
    )
    assert not covered


async def named_by_its_request(page: Page, engine: FakeEngine, ended: str) -> None:
    """The id that the engine got is on the card and in the record, which says how it ended."""
    request_id = engine.seen(CHAT)[-1]["headers"]["x-request-id"]
    await expect(page.locator("article .remark")).to_contain_text(f"Request {request_id}")
    await choose(page, "Copy request id")
    assert await clipboard(page) == request_id
    await choose(page, "Provenance")
    await expect(page.locator("#origin")).to_contain_text(request_id)
    await expect(page.locator("#origin")).to_contain_text(ended)
    await page.keyboard.press("Escape")


async def test_stop(page: Page, engine: FakeEngine) -> None:
    """Before the first word the id is the one that was sent. The engine's work ends, what was
    written stays and is said to be incomplete."""
    engine.next(fault="hang_before_headers")
    await ask(page, "What is croup?")
    engine.until(lambda stats: stats["running"] == 1)
    await page.click("#stop")
    await answered(page)
    await named_by_its_request(page, engine, "stopped by the reader")
    await page.get_by_role("button", name="New conversation").click()
    engine.reset()
    await begin(page, engine, "What is croup?")
    await page.keyboard.press("Escape")
    await answered(page)

    engine.until(lambda stats: stats["aborted"] == 1)
    await expect(page.locator("article .remark")).to_contain_text("not complete")
    await named_by_its_request(page, engine, "stopped by the reader")
    await expect(page.locator("#stop")).to_be_hidden()
    assert await page.locator("article .text").inner_text()


@pytest.mark.gate
async def test_an_emergency_is_shown_before_the_answer_has_ended(
    page: Page, engine: FakeEngine
) -> None:
    """The notice comes with the first word, above it, and is announced."""
    engine.next(SLOW)
    await ask(page, EMERGENCY)
    notice = page.get_by_role("alert").locator(".notice")
    await expect(notice).to_contain_text("emergency")
    await expect(page.locator("article")).to_have_attribute("aria-busy", "true")

    above, text = await notice.bounding_box(), await page.locator("article .text").bounding_box()
    assert above is not None
    assert text is not None
    assert above["y"] < text["y"]
    await answered(page)
    await expect(notice).to_have_count(1)


async def test_reasoning_is_folded_labelled_and_apart(
    window: Open, start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """A model that reasons is asked for it; it is no part of the answer, and explains nothing."""
    phase_file = tmp_path / "phase.json"
    phase_file.write_text('{"phase": "ready", "model": {"id": "fake-model", "reasoning": true}}')
    engine.next(fault="reasoning")
    async with window(start(MMHIE_PHASE_FILE=str(phase_file)).url) as page:
        await complete(page, "What is croup?")
        reasoning = page.locator("article .reasoning")
        thoughts = reasoning.locator(".thoughts")
        await expect(reasoning).to_be_visible()
        await expect(thoughts).to_be_hidden()
        await reasoning.locator("summary").click()
        await expect(reasoning).to_contain_text("Not a faithful account")
        await expect(thoughts).to_contain_text("The question is about symptoms")
        assert "The question is" not in await page.locator("article .text").inner_text()


async def test_an_error_is_a_sentence_and_the_question_stays(
    page: Page, engine: FakeEngine
) -> None:
    """In plain words, with the request's id for whoever is asked about it; it is not labelled as
    generated, and the safety notice is named by its version."""
    engine.next(fault="status", status=500)
    await complete(page, "What is croup?")

    failed = page.locator("article .remark.failed")
    await expect(failed).to_contain_text("could not answer this question")
    await named_by_its_request(page, engine, "engine_rejected")
    await expect(page.get_by_role("alert").locator(".notice")).to_have_count(0)
    await expect(page.locator("#prompt")).to_have_value("What is croup?")

    await expect(page.locator("article .made-by")).to_contain_text("No answer")
    assert "AI-generated" not in await page.locator("article").inner_text()
    await expect(page.locator("article .answer-notice")).to_have_text("Safety notice 1.0.0")
    await expect(page.get_by_role("button", name="Copy, question 1")).to_have_count(0)


@pytest.mark.gate
@pytest.mark.parametrize("fault", ["reset_midstream", "error_midstream"])
async def test_a_broken_answer_does_not_look_whole(
    page: Page, engine: FakeEngine, fault: str
) -> None:
    """The text so far stays, with the words that it is not complete."""
    engine.next(fault=fault, after=4)
    await complete(page, "What is croup?")

    assert await page.locator("article .text").inner_text()
    await expect(page.locator("article .remark.failed")).to_contain_text("is not complete")
    await named_by_its_request(page, engine, ENDED[fault])


async def test_a_demonstration_is_named_as_one(window: Open, start: Start, tmp_path: Path) -> None:
    """Every place that names the model; a recorded example shows what a conversation looks like."""
    phase_file, name = tmp_path / "phase.json", "Tiny, demonstration, not a medical model"
    phase_file.write_text(
        json.dumps({"phase": "ready", "model": {"id": "fake-model", "display_name": name}})
    )
    gateway = start(MMHIE_PHASE_FILE=str(phase_file))
    async with window(gateway.url) as page:
        await ready(page)
        await expect(page.locator("#recorded")).to_contain_text("Recorded example")
        await expect(page.locator("#recorded")).to_contain_text("make run starts a better one")
        await expect(page.locator("#recorded math")).to_be_visible()
        await expect(page.locator("#recorded .answer-notice")).to_have_text(default_text())
        await complete(page, "What is croup?")
        await expect(page.locator("#recorded")).to_be_hidden()
        await expect(page.locator("#model")).to_have_text(name)
        await expect(page.locator("article .made-by")).to_contain_text(name)
        await page.context.set_offline(True)
        await expect(page.locator("#phase")).to_have_text("Gateway not reachable")
        await expect(page.locator("#model")).to_have_text(name)
        await expect(page.locator("#demonstration")).to_contain_text("may be nonsense")
    health = gateway.client.get("/healthz").json()
    card = gateway.client.get("/v1/mmhie/model-card").json()
    whole = gateway.client.post("/llm/generate", json={"prompt": "Why?"}).json()
    named = (health["served"], card["model"], whole["mmhie"]["provenance"])
    assert {model["display_name"] for model in named} == {name}


async def test_loading_then_ready(window: Open, start: Start, tmp_path: Path) -> None:
    """A progress bar with the launcher's words; asking waits until the model is there."""
    phase_file = tmp_path / "phase.json"

    def tell(phase: str, progress: float | None) -> None:
        told = {"phase": phase, "progress": progress, "detail": "Loading the weights."}
        phase_file.write_text(json.dumps(told))

    tell("loading", 0.4)
    gateway = start(MMHIE_PHASE_FILE=str(phase_file))
    async with window(gateway.url) as page:
        await expect(page.locator("#state")).to_contain_text("Loading the weights.")
        assert await page.get_by_role("progressbar").get_attribute("value") == "40"
        await page.fill("#prompt", "What is croup?")
        await page.keyboard.press("Enter")
        await expect(page.locator("#why")).to_contain_text("once the model is ready")
        assert await violations(page) == []

        tell("ready", None)
        await ready(page)
        await expect(page.locator("#state")).to_be_hidden()
        await expect(page.locator("#why")).to_be_empty()
        await page.keyboard.press("Enter")
        await answered(page)
        assert await page.locator("article .text").inner_text()


async def test_a_hold_is_told_in_its_own_words(window: Open, start: Start, tmp_path: Path) -> None:
    """The clinical downtime message, before anybody asks."""
    switch = tmp_path / "hold.json"
    gateway = start(MMHIE_HOLD_FILE=str(switch), MMHIE_DISCLAIMER_CONTACT="Call 4711.")
    async with window(gateway.url) as page:
        await ready(page)
        write(switch, Hold(reason="wrong doses seen", by="dr. a", since="2026-01-02T03:04:05Z"))
        state = page.locator("#state")
        await expect(state).to_contain_text("wrong doses seen")
        await expect(state).to_contain_text("downtime procedure")
        await expect(state).to_contain_text("4711")
        await expect(page.locator("#phase")).to_have_text("Out of service")
        await page.fill("#prompt", EMERGENCY)
        await page.click("#send")
        await answered(page)
        await expect(page.locator("article .remark.failed")).to_contain_text("wrong doses seen")
        for told in (state, page.locator("article .remark.failed")):
            await expect(told).to_contain_text("2 Jan 2026, 03:04:05")
        await expect(page.get_by_role("alert").locator(".notice")).to_contain_text("chest pain")
        assert await violations(page) == []


async def test_the_engine_dies_and_the_network_goes(
    window: Open, start: Start, start_engine: StartEngine
) -> None:
    """Each says in its own words what to do; what was written and asked stays."""
    dying = start_engine()
    gateway = start(MMHIE_ENGINE_URL=dying.url).wait()
    async with window(gateway.url) as page:
        failed = page.locator("article").last.locator(".remark.failed")
        await begin(page, dying, "What is croup?")
        dying.child.kill()
        await answered(page)
        await expect(page.locator("article .remark.failed")).to_contain_text("is not complete")
        state = page.locator("#state")
        await expect(state).to_contain_text("follow your downtime procedure")
        await page.click("#send")
        await answered(page)
        await expect(failed).to_contain_text("reach the model. Ask again in 5 s.")

        await page.context.set_offline(True)
        await page.click("#send")
        await answered(page)
        await expect(failed).to_contain_text("reach the gateway. Try again in a moment.")
        await expect(page.locator("article .answer-notice").last).to_be_hidden()
        await expect(state).to_contain_text("what you have written stays here. Meanwhile, follow")
        await expect(page.locator("#prompt")).to_have_value("What is croup?")
        await page.context.set_offline(False)
        await expect(page.locator("#phase")).to_have_text("Model not reachable")


async def test_what_a_model_writes_is_text(page: Page, engine: FakeEngine) -> None:
    """Markup, scripts, links and images in an answer or its reasoning do nothing."""
    engine.next({"fault": "say", "tokens": [ATTACK]}, {"fault": "reasoning"})
    await complete(page, f"What is croup? {ATTACK}")

    text = page.locator("article .text")
    await expect(text).to_contain_text("<script>window.attacked=1</script>")
    await expect(text).to_contain_text("javascript:window.attacked=1")
    assert await page.locator("article").locator("img, script, iframe, a, b[onclick]").count() == 0
    assert await page.evaluate("window.attacked") is None


async def test_markup_from_strings_is_refused_by_the_browser(
    browser: Browser, gateway: Gateway
) -> None:
    """Should code of ours ever try it, the policy (trusted types) stops it."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(gateway.url)
    tried = "() => { try { document.body.innerHTML = '<b>x</b>' } catch (e) { return e.name } }"

    assert await page.evaluate(tried) == "TypeError"
    await context.close()


async def test_a_copied_answer_keeps_its_labels(page: Page, engine: FakeEngine) -> None:
    """Notice, origin and safety notice go with the text, as Markdown and formatted."""
    engine.next(fault="say", tokens=["**Stridor** and\n\n|a|b|\n|-|-|\n|c|d|"])
    await complete(page, EMERGENCY)
    await page.get_by_role("button", name="Copy, question 1").click()
    copied = await clipboard(page)
    formatted = await page.evaluate(FORMATTED)

    assert "**Stridor**" in copied
    assert "<strong>Stridor</strong>" in formatted
    assert "<td>c</td>" in formatted
    note = await page.locator("#emergency-note").inner_text()
    assert note.startswith("This is not an emergency detector.")
    assert copied.endswith(f"{default_text()}\n{note}")
    request_id = engine.seen(CHAT)[-1]["headers"]["x-request-id"]
    for kept in (copied, formatted):
        for label in ("AI-generated, fake-model", request_id, default_text(), "emergency number"):
            assert label in kept
    assert "emergency number" in copied.split("\n")[0]


async def test_the_bars_leave_the_phone_to_the_answer(window: Open, gateway: Gateway) -> None:
    """At most 90 pixels once there is an answer; its mark opens the whole notice, and the engine's
    figures are behind a button."""
    async with window(gateway.url, width=390, height=800) as page:
        await complete(page, "What is croup?")
        box = await page.locator(".top").bounding_box()
        assert box is not None
        assert box["height"] <= 90
        notice = page.locator("article .answer-notice")
        await expect(notice.locator("p").first).to_be_hidden()
        await notice.locator("summary").click()
        await expect(notice).to_contain_text(default_text())
        await expect(notice.locator("p").last).to_be_visible()
        await page.click("#engine-open")
        await expect(page.locator("#engine #facts")).to_contain_text("vllm")
        assert await overflow(page) == 0
        await page.keyboard.press("Escape")
        await expect(page.locator("#engine")).to_be_hidden()
