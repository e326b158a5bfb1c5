"""Notices: their words, and the settings behind them."""

import pytest

from gateway.safety.red_flags.model import model
from gateway.safety.red_flags.screening import rules_version
from gateway.safety.wording import LANGUAGES, Audience, built_in

NAMES = {"contact": "112", "crisis_line": "116 123"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("audience", ["clinician", "patient"])
def test_a_notice_says_what_it_is(language: str, audience: Audience) -> None:
    """Topic, contact, and that it is no triage; resolved ones name the sign."""
    wording = built_in(language)
    for topic in model().topics.names():
        now = wording.notice(topic, audience, NAMES)
        earlier = wording.notice(topic, audience, NAMES, is_earlier=True)
        assert (now["id"], now["type"]) == (topic, "emergency")
        assert "112" in now["message"]
        assert "112" in earlier["message"]
        assert earlier["summary"] in earlier["message"]
        assert now["not_triage"] == wording.not_triage


@pytest.mark.parametrize("language", LANGUAGES)
def test_self_harm_is_spoken_of_to_the_person(language: str) -> None:
    """With the crisis line of the site."""
    message = built_in(language).notice("MED104", "patient", NAMES)["message"]

    assert "116 123" in message
    assert message.startswith(("If you are", "Wenn Sie", "Si piensa", "Si vous"))


def test_the_version_depends_on_all_that_decides() -> None:
    """Wording, audience and settings change it, and nothing else."""
    one, other = built_in("en"), built_in("de")

    assert rules_version(one, "clinician", ["3.0"]) == rules_version(one, "clinician", ["3.0"])
    versions = {
        rules_version(one, "clinician", ["3.0"]),
        rules_version(other, "clinician", ["3.0"]),
        rules_version(one, "patient", ["3.0"]),
        rules_version(one, "clinician", ["4.0"]),
    }
    assert len(versions) == 4
