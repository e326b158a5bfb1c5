"""The screening of a prompt while its request goes on."""

import asyncio

import pytest

from gateway.api.request_text import Turn
from gateway.record import RequestRecord
from gateway.safety import labels
from gateway.safety.labels import Ending
from gateway.safety.red_flags.detection import finish
from gateway.safety.red_flags.screening import LONG_TEXT, PromptScreening, Screener
from gateway.safety.wording import Contacts

SCREENER = Screener.of(contacts=Contacts("112"))
EMERGENCY = "I have crushing chest pain and I am sweating. "
FILLER = "The weather was fine that day. "


async def test_others_run_between_the_steps_of_a_long_text() -> None:
    """The loop runs many times while a long text is read; then the notice is there."""
    record = RequestRecord("r", "POST")
    screening = PromptScreening(SCREENER, record)
    screening.begin([Turn("user", EMERGENCY + FILLER * (20 * LONG_TEXT // len(FILLER)))])
    settling = asyncio.ensure_future(screening.settle())
    rounds = 0
    while not settling.done():
        await asyncio.sleep(0)
        rounds += 1

    assert rounds > 20
    assert [notice["id"] for notice in record.notices] == ["MED101"]


async def test_a_prompt_that_takes_too_long_is_said_to_be_unscreened() -> None:
    """After the time limit the response has a warning instead of notices."""
    record = RequestRecord("r", "POST")
    screening = PromptScreening(SCREENER, record, limit_s=0.01)
    screening.begin([Turn("user", FILLER * 200_000)])
    await screening.settle()

    assert record.screening_warnings == ("input_not_screened",)
    assert record.notices == []


def test_a_warning_of_the_beginning_is_repeated_at_the_end() -> None:
    """For clients that read the last chunk only."""
    first = {"disclaimer": {}, "notices": [], "warnings": ["input_not_screened"], "provenance": {}}
    last = Ending("abort", "text").label((), digest="d", fingerprint=None)
    both = ["input_not_screened", "ended_early"]

    assert labels.merge(first, last)["warnings"] == both
    assert labels.merge(labels.repeatable(first), last)["warnings"] == both


@pytest.mark.parametrize(
    ("later", "is_resolved"),
    [("The chest pain has resolved after nitroglycerin.", True), ("I am fine now.", False)],
)
def test_a_later_turn_resolves(later: str, is_resolved: bool) -> None:
    """A plain statement about this sign; the notice stays, and names the sign and the contact."""
    raised = finish(SCREENER.screen([Turn("user", EMERGENCY), Turn("user", later)]))

    (notice,) = SCREENER.notices_of(raised)
    assert notice["id"] == "MED101"
    assert notice["message"].startswith("Raised earlier: Chest pain now.") is is_resolved
    assert "112" in notice["message"]
    assert raised.earlier == (["MED101"] if is_resolved else [])
