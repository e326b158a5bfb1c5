"""The model card says what is served, what it is for, and what is not known."""

import pytest

from gateway.routes.model_card import card
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Labels
from gateway.safety.provenance import Serving
from gateway.safety.wording import Audience

SERVING = Serving(gateway_version="1", engine="vllm", engine_version="0.32.0", model="embedded")
LABELS = Labels.of(Disclaimer.of())


def test_the_card_names_what_is_served() -> None:
    """Quantization, base and adapter come from the running engine, not from a text."""
    served = SERVING._replace(quantization="mxfp4", base="openai/gpt-oss-20b")

    assert card(served, LABELS, None)["model"]["quantization"] == "mxfp4"
    assert card(served, LABELS, None)["model"]["base"] == "openai/gpt-oss-20b"


def test_the_default_model_carries_its_authors_warnings() -> None:
    """The author's statements about the model are in its card."""
    about = card(SERVING._replace(model="dousery/medical-reasoning-gpt-oss-20b"), LABELS, None)[
        "about"
    ]

    assert any("Not a medical device" in line for line in about["author_says"])


def test_an_unknown_model_gets_no_invented_facts() -> None:
    """Of a model nobody wrote about here nothing is claimed."""
    assert card(SERVING, LABELS, None)["about"] is None


@pytest.mark.parametrize("audience", ["clinician", "patient", "off"])
def test_the_card_says_for_whom_notices_are_worded(audience: Audience) -> None:
    """Else a card that says "no advice to patients" would contradict notices for patients."""
    found = card(SERVING, Labels.of(Disclaimer.of(), audience=audience), None)

    assert {"clinician": "clinician", "patient": "patients", "off": "off"}[audience] in found[
        "notices"
    ]
    assert "Direct advice to patients" in found["not_intended"]
    assert (found["notice_rules"] is None) == (audience == "off")
