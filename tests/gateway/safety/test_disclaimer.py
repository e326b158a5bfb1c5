"""The disclaimer: its text, its version, its digest."""

import pytest

from gateway.safety.disclaimer import Disclaimer, disclaimer_of
from gateway.safety.wording import LANGUAGES
from gateway.settings import gateway as settings

README_NOTICE = (
    "Model outputs are not clinical advice. They must not be used for diagnosis or treatment "
    "decisions without review by a licensed clinician."
)


def test_the_default_is_the_readme_word_for_word() -> None:
    """The default text is the README's notice."""
    assert Disclaimer.of().text == README_NOTICE


def test_every_wording_has_its_own_version() -> None:
    """Text, contact and language each change the version; the same wording keeps it."""
    wordings = [
        Disclaimer.of(),
        Disclaimer.of("Not advice."),
        Disclaimer.of("Not advice!"),
        Disclaimer.of(contact="Ask us."),
        *(Disclaimer.of(language=tag) for tag in LANGUAGES if tag != "en"),
    ]

    assert len({each.version for each in wordings}) == len(wordings)
    assert Disclaimer.of("Not advice.").version == Disclaimer.of(" Not advice. ").version


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": ""}, "blank"),
        ({"text": "  \n"}, "blank"),
        ({"language": "it"}, "only en, de, es, fr"),
        ({"text": "x", "language": "en\r\nX-Evil: 1"}, "tag"),  # it may end up in a header
    ],
)
def test_no_configuration_makes_it_disappear(given: dict[str, str], said: str) -> None:
    """A blank text, an unknown language without its own text, and an invalid tag are refused."""
    with pytest.raises(ValueError, match=said):
        Disclaimer.of(**given)
    assert Disclaimer.of("Nessun consiglio medico.", language="it").language == "it"


def test_a_language_without_a_text_is_a_wrong_setting() -> None:
    """One sentence that names the setting, not a traceback."""
    chosen = settings.load({"MMHIE_DISCLAIMER_LANGUAGE": "it"}, None)
    with pytest.raises(settings.SettingsError, match="MMHIE_DISCLAIMER_TEXT"):
        disclaimer_of(chosen)
