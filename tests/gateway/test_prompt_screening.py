"""The screening of a prompt while its request goes on."""

import asyncio
import time
from itertools import pairwise

import pytest

from gateway.api.request_text import Turn
from gateway.audit.entry import line_of
from gateway.audit.pseudonyms import Pseudonyms
from gateway.record import RequestRecord
from gateway.safety.red_flags.detection import finish, step
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


def test_no_step_holds_up_the_event_loop() -> None:
    """With the dearest text found, a measured value at each second word; processor time."""
    assert min(longest_step_s("k 7 " * 5_000) for _ in range(3)) < 0.02


def longest_step_s(text: str) -> float:
    steps, times = SCREENER.screen([Turn("user", text)]), [time.thread_time()]
    while step(steps) is None:
        times.append(time.thread_time())
    return max(end - start for start, end in pairwise(times))


async def test_a_prompt_that_takes_too_long_is_said_to_be_unscreened() -> None:
    """After the time limit the response has a warning instead of notices."""
    record = RequestRecord("r", "POST")
    screening = PromptScreening(SCREENER, record, limit_s=0.01)
    screening.begin([Turn("user", FILLER * 200_000)])
    await screening.settle()

    assert record.screening_warnings == ("input_not_screened",)
    assert line_of(record, Pseudonyms.of("k" * 32))["warnings"] == ["input_not_screened"]
    assert record.notices == []


async def test_whoever_is_interrupted_may_wait_again() -> None:
    """A hold or a caller who leaves ends the answer, not the screening, whose notices are recorded.
    Texts take memory until they are read."""
    record = RequestRecord("r", "POST")
    used: list[int] = []
    screening = PromptScreening(SCREENER, record)
    screening.begin([Turn("user", EMERGENCY + FILLER * 10_000)])
    screening.count_unread(used.append)
    waiting = asyncio.ensure_future(screening.settle())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(used) == 1
    await screening.settle()

    assert [notice["id"] for notice in record.notices] == ["MED101"]
    assert used == [used[0], -used[0]]
    assert used[0] > 10_000 * len(FILLER)


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
