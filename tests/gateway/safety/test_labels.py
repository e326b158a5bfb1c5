"""The labels of model output."""

from typing import Any

from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels
from gateway.safety.prompt_screening import Screener
from gateway.safety.red_flags.screening import finish
from gateway.safety.request_text import Turn
from gateway.safety.wording import Contacts


def test_notices_come_for_texts_of_any_language() -> None:
    """The reason is named whatever the language of the text, and the contact with it."""
    screener = Screener.of(contacts=Contacts("112"))
    texts = ("Mein Vater hat gerade starke Brustschmerzen", "Tengo un dolor fuerte en el pecho")
    for text in texts:
        (notice,) = finish(screener.screen([Turn("user", text)])).notices
        assert notice["id"] == "MED101"
        assert "112" in notice["message"]


def test_another_wording_has_another_version() -> None:
    """Threshold, contact and audience decide what a notice says; where nobody is to read one,
    nothing was screened."""

    def version(**changed: Any) -> str | None:
        return Screener.of(**{"contacts": Contacts("112"), **changed}).notice_rules

    changes: tuple[dict[str, Any], ...] = (
        {},
        {"contacts": Contacts("911")},
        {"contacts": Contacts("112", "116 123")},
        {"threshold": 0.9},
        {"audience": "patient"},
        {"audience": "off"},
    )
    assert version() == version()
    assert len({version(**changed) for changed in changes}) == len(changes)
    assert version(audience="off") is None


def test_digests_compare_under_one_key_only() -> None:
    """With the same key the same prompt has the same digest; without one, each start differs."""

    def digest(key: str | None) -> str:
        labels = Labels.of(Disclaimer.of(), "Call 112.", key)
        return labels.facts_of({}, b"p").prompt_digest

    assert digest("k") == digest("k")
    assert digest(None) != digest(None)
