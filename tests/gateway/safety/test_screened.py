"""Red flags that a later turn of the conversation resolves."""

import pytest

from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels
from gateway.safety.red_flags.screening import Policy

EMERGENCY = "I have crushing chest pain."


@pytest.mark.parametrize(
    ("later", "raised", "resolved"),
    [
        ("It has gone now. Should I take aspirin?", [], ["MED101"]),
        ("The chest pain has resolved after nitroglycerin.", [], ["MED101"]),
        ("It was a false alarm.", [], ["MED101"]),
        ("Has it gone?", ["MED101"], []),
        ("It has not gone away.", ["MED101"], []),
        ("The fever has resolved.", ["MED101"], []),
        ("When it is gone, I will go for a walk.", ["MED101"], []),
        ("It has gone. No, crushing chest pain again!", ["MED101"], []),
    ],
)
def test_a_later_turn_resolves(later: str, raised: list[str], resolved: list[str]) -> None:
    """A plain statement does, about everything or about this sign; nothing less."""
    found = labels().screen([EMERGENCY, later])

    assert [notice["id"] for notice in found.notices] == raised
    assert found.resolved == resolved


@pytest.mark.parametrize(
    ("language", "emergency", "later"),
    [
        ("de", "Mein Vater hat gerade starke Brustschmerzen", "Es ist vorbei, danke."),
        ("es", "Tengo un dolor fuerte en el pecho", "Ya se me pasó."),
    ],
)
def test_in_every_language(language: str, emergency: str, later: str) -> None:
    """German and Spanish turns resolve, too."""
    assert labels("en", language).screen([emergency]).notices
    assert not labels("en", language).screen([emergency, later]).notices


def test_one_turn_resolves_nothing() -> None:
    """Within one message the sentences' own context decides, as before."""
    assert labels().screen([f"{EMERGENCY} It has gone."]).notices


def labels(*languages: str) -> Labels:
    policy = Policy(languages=languages or ("en",))
    return Labels.of(Disclaimer.of(), key="k", emergency_contact="112", policy=policy)
