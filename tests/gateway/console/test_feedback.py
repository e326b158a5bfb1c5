"""Feedback at the console: a button at each answer, where the operator takes feedback."""

import contextlib
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from gateway.feedback.entry import text_name
from gateway.feedback.store import Store
from tests.contract.fixtures import Start
from tests.gateway.audit.conftest import KEY
from tests.gateway.console.browser import complete, overflow, violations
from tests.gateway.console.conftest import Open
from tests.gateway.vault.conftest import key_pair
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SCRIPT = "<img src=x onerror=alert(1)> wrong dose"
PATIENCE_MS = PATIENCE_S * 1000
DIALOG = "Feedback on this answer"


async def sign_off_is_refused(dialog: Locator) -> None:
    await dialog.get_by_label("wrong?").select_option("signed_off")
    await expect(dialog.get_by_label("Harm that it could do")).to_be_disabled()
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.locator("#feedback-text")).to_contain_text("sign-off", timeout=PATIENCE_MS)
    await dialog.get_by_role("button", name="Cancel").click()


async def test_an_answer_is_flagged_and_not_signed_off_by_anybody(
    window: Open, start: Start, tmp_path: Path
) -> None:
    """With a comment, on a phone; nothing is chosen beforehand, and a gateway without keys takes no
    sign-off; what is refused stays in the dialog with its reason."""
    file = tmp_path / "feedback.db"
    pair = key_pair(tmp_path)
    gateway = start(
        MMHIE_FEEDBACK_FILE=str(file),
        MMHIE_AUDIT_KEY=KEY,
        MMHIE_VAULT_PUBLIC_KEY=str(pair.public),
    )
    async with window(gateway.url, width=320) as page:
        await complete(page, "What is croup?")
        opener = page.get_by_role("button", name="Report")
        await opener.click()
        dialog = page.get_by_role("dialog", name=DIALOG)
        assert await violations(page) == []
        assert await overflow(page) <= 0
        for label in ("wrong?", "Harm that it could do"):
            await expect(dialog.get_by_label(label)).to_have_value("")
        await dialog.get_by_label("wrong?").select_option("unsafe")
        await dialog.get_by_label("Harm that it could do").select_option("high")
        await dialog.get_by_label("Comment").fill(SCRIPT)
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog).to_be_hidden(timeout=PATIENCE_MS)
        await expect(page.locator("#announce")).to_have_text(
            "Thank you: the feedback is stored.", timeout=PATIENCE_MS
        )

        await opener.click()
        await expect(dialog.get_by_label("Comment")).to_have_value("")
        await sign_off_is_refused(dialog)
        with contextlib.closing(Store(file, KEY)) as store:
            (flag,) = store.entries()
        assert (flag.category, flag.severity) == ("unsafe", "high")
        name = text_name(flag.id, "comment")
        assert pair.opener().unseal(flag.sealed_texts()["comment"], name).decode() == SCRIPT
