"""`make screenshots`: the console as it is now, into docs/images/; the answers are made up here."""

import asyncio
import io
import json
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page

from gateway.hold.hold import Hold, write
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.console.browser import chromium, complete, opened, ready

FOLDER = Path(__file__).parents[3] / "docs" / "images"
COLOURS = 128
QUESTION = "Which findings tell croup from epiglottitis in a two-year-old?"
ANSWER = """\
Both narrow the upper airway and cause **stridor**. The way it began and how the child looks tell \
them apart better than any single sign.

| | Croup | Epiglottitis |
|---|---|---|
| Onset | over a day or two, after a cold | within hours |
| Cough | barking | little or none |
| Voice | hoarse | muffled |
| Fever | absent or low | often > 39 °C |
| Swallowing | normal | painful, drooling |
| Posture | any | upright, leaning forward |

1. Do not lie the child down or look into the throat when epiglottitis is possible.
2. Call whoever is most experienced with the airway first."""
EMERGENCY = "I have had crushing chest pain for twenty minutes and my left arm is numb."
ADVICE = """\
Chest pain of this kind can come from the heart and needs to be seen **now**, not later today.

- Stop what you are doing and sit down.
- Do not drive yourself."""
MODEL = "example-model"  # none wrote these answers
Picture = Callable[[Page, FakeEngine], Awaitable[None]]


def tokens(text: str) -> list[str]:
    """The text in pieces of a word."""
    return re.findall(r"\s*\S+", text)


async def answer(page: Page, engine: FakeEngine) -> None:
    """An answer that has ended, with its reasoning folded."""
    engine.next({"fault": "say", "tokens": tokens(ANSWER)}, {"fault": "reasoning"})
    await ready(page)
    await page.locator("#engine summary").click()
    await page.locator("#options summary").click()
    await page.check("#include-reasoning")
    await complete(page, QUESTION)


async def notice(page: Page, engine: FakeEngine) -> None:
    """A red flag in the question."""
    engine.next(fault="say", tokens=tokens(ADVICE))
    await complete(page, EMERGENCY)


async def still(page: Page, engine: FakeEngine) -> None:
    """Whatever stands in the way of asking."""
    await page.wait_for_selector("#state:not([hidden])")
    await page.fill("#prompt", QUESTION)


async def take(
    browser: Browser,
    gateway: Gateway,
    engine: FakeEngine,
    name: str,
    picture: Picture,
    **window: Any,
) -> None:
    """One picture, in few colours: it lies in the repository."""
    async with opened(browser, gateway.url, **window) as page:
        await picture(page, engine)
        await page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0) }")
        await page.mouse.move(0, 0)  # off the button that it has pressed
        shot = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    file = FOLDER / f"console-{name}.png"
    shot.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.relative_to(FOLDER.parents[1])}  {file.stat().st_size // 1024} kB")  # noqa: T201


async def main() -> None:
    """All pictures."""
    FOLDER.mkdir(exist_ok=True)
    engine = FakeEngine("--model", MODEL, "--token-delay", "0.02").wait()
    with tempfile.TemporaryDirectory() as folder:
        phase, hold = Path(folder) / "phase.json", Path(folder) / "hold.json"
        gateway = Gateway(Path(folder), engine.url, MMHIE_HOLD_FILE=str(hold)).wait()
        loading = Gateway(Path(folder), engine.url, MMHIE_PHASE_FILE=str(phase))
        told = {"phase": "loading", "progress": 0.62, "detail": "Loading the weights, 8 of 13 GiB."}
        phase.write_text(json.dumps(told | {"model": {"id": MODEL}}))
        loading.wait("/healthz")
        async with chromium() as browser:
            wide: dict[str, Any] = {"width": 1280, "height": 1010}
            phone: dict[str, Any] = {"width": 390, "height": 844}
            await take(browser, gateway, engine, "light", answer, **wide)
            await take(browser, gateway, engine, "dark", answer, **wide, scheme="dark")
            await take(browser, gateway, engine, "notice", notice, **phone)
            await take(browser, loading, engine, "loading", still, width=900, height=552)
            reason = "answers on paediatric doses are being checked"
            write(hold, Hold(reason=reason, by="operator", since="2026-03-01T08:15:00Z"))
            await take(browser, gateway, engine, "hold", still, width=900, height=552)
        loading.stop()
        gateway.stop()
    engine.stop()


if __name__ == "__main__":
    asyncio.run(main())
