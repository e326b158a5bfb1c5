"""Keys at the console: asked for before the first question, tried, and never kept."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from gateway.auth import keys
from gateway.principal import Scope
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.console.browser import answered, take_key, violations
from tests.gateway.console.conftest import Open
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


OPERATOR: tuple[Scope, ...] = ("generate", "metrics")
ALL: Mapping[str, tuple[Scope, ...]] = {"clinician": ("generate",), "operator": OPERATOR}


class Ward:
    """A gateway with keys: one of a clinician, one of an operator."""

    def __init__(self, engine: FakeEngine, folder: Path) -> None:
        self.file = folder / "keys.json"
        self.clinician, self.operator = keys.new_secret(), keys.new_secret()
        self.write(**ALL)
        self.gateway = Gateway(
            folder,
            engine.url,
            MMHIE_KEYS_FILE=str(self.file),
            MMHIE_ENV="production",
            MMHIE_WITHOUT_AUDIT="true",
        )

    def write(self, **scopes: tuple[Scope, ...]) -> None:
        """Let these keys in, and no others."""
        secrets = {"clinician": self.clinician, "operator": self.operator}
        held = [
            keys.Key(name=name, sha256=keys.sha256(secrets[name].encode()), scopes=own, created=0.0)
            for name, own in scopes.items()
        ]
        keys.write(self.file, held)

    def takes(self, secret: str) -> bool:
        """Return whether the gateway knows a key now."""
        headers = {"x-api-key": secret}
        return self.gateway.client.get("/v1/mmhie/model-card", headers=headers).status_code != 401


@pytest.fixture(scope="module")
def the_ward(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """One gateway for all tests here."""
    ward = Ward(the_engine, tmp_path_factory.mktemp("ward"))
    with ward.gateway.wait("/"):
        yield ward


@pytest.fixture
def ward(the_ward: Ward, engine: FakeEngine) -> Ward:
    """The gateway with all its keys, before an engine without faults."""
    the_ward.write(**ALL)
    until(lambda: the_ward.takes(the_ward.clinician))
    return the_ward


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: Open, ward: Ward) -> AsyncIterator[Page]:
    """Its console."""
    async with window(ward.gateway.url) as opened:
        yield opened


async def enter(page: Page, prompt: str) -> None:
    """Put a question with the keyboard, as soon as one can be put."""
    await expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    await page.fill("#prompt", prompt)
    await page.keyboard.press("Enter")


async def test_a_key_is_asked_for_before_the_first_question(page: Page, ward: Ward) -> None:
    """One that the gateway does not know is not taken; one that it knows is kept in memory."""
    dialog = page.get_by_role("dialog", name="Access key")
    await expect(dialog).to_be_visible()
    await expect(page.locator("#key")).to_be_focused()
    assert await violations(page) == []
    await page.fill("#key", "not-a-key")
    await page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("unknown, expired or revoked")
    await expect(page.locator("#key-open")).to_have_text("Access key")

    await take_key(page, ward.clinician)
    await expect(page.locator("#key-open")).to_have_text("Access key: set")
    await enter(page, "What is croup?")
    await answered(page)

    assert await page.locator("article .text").inner_text()
    kept = await page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location])"
    )
    assert ward.clinician not in kept
    assert ward.clinician not in await page.content()
    assert await page.input_value("#key") == ""
    await page.reload()
    await expect(dialog).to_be_visible()


async def test_a_question_without_a_key_waits_for_one(page: Page, ward: Ward) -> None:
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
    await take_key(page, ward.clinician)
    await answered(page)
    assert await page.locator("article .text").inner_text()


async def test_a_question_goes_out_again_after_a_refusal(page: Page, ward: Ward) -> None:
    """The key is revoked between two questions; with another one the same question is answered."""
    dialog = page.get_by_role("dialog", name="Access key")
    await take_key(page, ward.clinician)
    await enter(page, "What is croup?")
    await answered(page)
    ward.write(operator=OPERATOR)
    until(lambda: not ward.takes(ward.clinician))
    await enter(page, "And at night?")
    await expect(dialog).to_contain_text("unknown, expired or revoked")

    await take_key(page, ward.operator)
    await answered(page)
    await expect(page.locator("article")).to_have_count(2)
    assert await page.locator("article").last.locator(".text").inner_text()
    await expect(page.locator("article").last.locator(".remark.failed")).to_have_count(0)
