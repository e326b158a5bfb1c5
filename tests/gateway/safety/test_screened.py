"""Red flags that a later turn of the conversation resolves."""

import pytest

from gateway.api.request_text import Turn
from gateway.safety.prompt_screening import Screener, Screening
from gateway.safety.red_flags.screening import finish
from gateway.safety.wording import Contacts

EMERGENCY = "I have crushing chest pain."
SCREENER = Screener.of(contacts=Contacts("112"))


def screen(*texts: str) -> Screening:
    """Return what turns of one writer come to."""
    return finish(SCREENER.screen([Turn("user", text) for text in texts]))


@pytest.mark.parametrize(
    ("later", "is_resolved"),
    [
        ("The chest pain has resolved after nitroglycerin.", True),
        ("Has the pain gone?", False),
        ("It has not gone away.", False),
        ("The fever has resolved.", False),
        ("I am fine now.", False),
    ],
)
def test_a_later_turn_about_the_same_sign_resolves(later: str, is_resolved: bool) -> None:
    """A plain statement about this sign does, nothing less; the notice stays, in other words."""
    (notice,) = screen(EMERGENCY, later).notices

    assert notice["id"] == "MED101"
    assert ("earlier" in notice["message"]) is is_resolved
    assert screen(EMERGENCY, later).resolved == (["MED101"] if is_resolved else [])


def test_a_later_turn_resolves() -> None:
    """The message of a resolved notice names what was raised and whom to call."""
    (notice,) = screen(EMERGENCY, "The chest pain has resolved.").notices

    assert notice["message"].startswith("Raised earlier: Chest pain now.")
    assert "112" in notice["message"]
