"""Red flags that a later turn of the conversation resolves."""

import pytest

from gateway.api.request_text import Turn
from gateway.safety.prompt_screening import Screener
from gateway.safety.red_flags.screening import finish
from gateway.safety.wording import Contacts

EMERGENCY = "I have crushing chest pain."
SCREENER = Screener.of(contacts=Contacts("112"))


@pytest.mark.parametrize(
    ("later", "is_resolved"),
    [("The chest pain has resolved after nitroglycerin.", True), ("I am fine now.", False)],
)
def test_a_later_turn_resolves(later: str, is_resolved: bool) -> None:
    """A plain statement about this sign; the notice stays, and names what was raised and whom to
    call."""
    screening = finish(SCREENER.screen([Turn("user", EMERGENCY), Turn("user", later)]))

    (notice,) = screening.notices
    assert notice["id"] == "MED101"
    assert notice["message"].startswith("Raised earlier: Chest pain now.") is is_resolved
    assert "112" in notice["message"]
    assert screening.resolved == (["MED101"] if is_resolved else [])
