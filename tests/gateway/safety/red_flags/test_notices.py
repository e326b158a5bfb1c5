"""Notices: their words, and what decides them."""

import pytest

from gateway.safety.red_flags.model import model
from gateway.safety.red_flags.notices import notice, rules_version
from gateway.safety.wording import LANGUAGES, built_in


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("audience", ["clinician", "patient"])
def test_a_notice_says_what_it_is(language: str, audience: str) -> None:
    """Topic, whom to call, and that it is no triage; earlier ones name what was raised."""
    wording = built_in(language)
    for topic in model().topics.names():
        now = notice(topic, wording, audience, "112")  # type: ignore[arg-type]  # an audience
        earlier = notice(topic, wording, audience, "112", is_earlier=True)  # type: ignore[arg-type]
        assert (now["id"], now["type"]) == (topic, "emergency")
        assert "112" in now["message"]
        assert "112" in earlier["message"]
        assert earlier["summary"] in earlier["message"]
        assert now["not_triage"] == wording.not_triage


def test_the_general_notice_has_no_condition() -> None:
    """Nobody has to judge first whether somebody is in danger."""
    message = notice("MED100", built_in("en"), "patient", "112")["message"]

    assert message == "The text may describe an emergency: call 112 at once."


def test_the_version_depends_on_all_that_decides() -> None:
    """Wording, audience and settings; and the same for the same."""
    one, other = built_in("en"), built_in("de")

    assert rules_version(one, "clinician", ["3.0"]) == rules_version(one, "clinician", ["3.0"])
    versions = {
        rules_version(one, "clinician", ["3.0"]),
        rules_version(other, "clinician", ["3.0"]),
        rules_version(one, "patient", ["3.0"]),
        rules_version(one, "clinician", ["4.0"]),
    }
    assert len(versions) == 4
