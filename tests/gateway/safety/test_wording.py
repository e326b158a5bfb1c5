"""One complete catalogue of sentences per language, or a site's own."""

from pathlib import Path

import pytest

from gateway.api.request_text import Turn
from gateway.errors import EngineCut, GatewayError, Held, InvalidRequest, NoAnswer
from gateway.safety.disclaimer import disclaimer_of, wording_of
from gateway.safety.red_flags.detection import finish
from gateway.safety.red_flags.model import GENERAL, model
from gateway.safety.red_flags.screening import Screener
from gateway.safety.wording import LANGUAGES, Audience, built_in, read, wording
from gateway.settings.gateway import GatewaySettings, SettingsError

FOLDER = Path(wording.__code__.co_filename).parent
EMERGENCY = "I have crushing chest pain."
OTHERS = [language for language in LANGUAGES if language != "en"]


def codes(kind: type[GatewayError] = GatewayError) -> set[str]:
    """Return the codes of 5xx errors and of other errors for readers."""
    below = {code for child in kind.__subclasses__() for code in codes(child)}
    return below | ({kind.code} if kind.status >= 500 else set())


READ = codes() | {"too_busy", "input_too_long"}
# The hold has its own sentence.
DEVELOPERS = {"embeddings_not_served", "feedback_not_taken", "held"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_is_worded(language: str) -> None:
    """For both audiences and in every language."""
    named = {GENERAL, *model().topics.names()}

    assert named == set(built_in(language).notices)


@pytest.mark.parametrize("language", OTHERS)
def test_every_error_a_reader_may_see_is_worded(language: str) -> None:
    """By its code; a new error without a sentence fails this test."""
    assert set(built_in(language).errors) == READ - DEVELOPERS


@pytest.mark.parametrize("language", OTHERS)
def test_errors_follow_the_language(language: str) -> None:
    """Errors for developers stay English, and English errors keep their numbers."""
    words, exact = wording(language), NoAnswer("The model gave no answer text.")

    assert words.error(EngineCut("English.")) == words.errors["engine_cut"]
    assert words.error(InvalidRequest("English.")) == "English."
    assert words.error(Held("Der Hold.")) == "Der Hold."
    assert wording("en").error(exact) == exact.message


@pytest.mark.parametrize(
    ("language", "audience", "start"),
    [
        ("en", "clinician", "Red flag in the prompt"),
        ("de-AT", "patient", "Der Text könnte"),
        ("es", "patient", "El texto puede"),
        ("fr-CA", "patient", "Le texte peut"),
    ],
)
def test_notices_follow_language_and_audience(
    language: str, audience: Audience, start: str
) -> None:
    """The site decides, not the language of the prompt."""
    screener = Screener.of(wording(language), audience=audience)
    (notice,) = screener.notices_of(finish(screener.screen([Turn("user", EMERGENCY)])))

    assert notice["message"].startswith(start)
    assert getattr(wording(language).contact, audience) in notice["message"]


def own(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """Write a site's file: the German one with changes."""
    text = (FOLDER / "de.toml").read_text("utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file = tmp_path / "it.toml"
    file.write_text(text, "utf-8")
    return file


def settings(file: Path) -> GatewaySettings:
    return GatewaySettings(wording_file=file, disclaimer_language="it")


def test_a_site_brings_its_own(tmp_path: Path) -> None:
    """Disclaimer, notices and errors from one file, for another language."""
    file = own(tmp_path, ("Modellausgaben sind", "Le risposte sono"))

    assert disclaimer_of(settings(file)).text.startswith("Le risposte sono")
    assert wording_of(settings(file)).errors == built_in("de").errors


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("[notices.MED101]", "[notices.MED199]", "MED101"),
        ("engine_cut = ", "engine_cutt = ", "engine_cut"),
        ("{since}", "{when}", "downtime"),
        ("[cut]", "[cut", "cannot be read"),
        ("rufen Sie an: {contact}", "rufen Sie an: {number}", "emergency_note"),
    ],
)
def test_a_wrong_file_is_refused_at_the_start(
    tmp_path: Path, before: str, after: str, named: str
) -> None:
    """The sentence names the file and the entry."""
    file = own(tmp_path, (before, after))

    with pytest.raises(SettingsError, match=r"it\.toml") as caught:
        wording_of(settings(file))
    assert named in str(caught.value)
    with pytest.raises(ValueError, match="cannot be read"):
        read(tmp_path / "none.toml")
