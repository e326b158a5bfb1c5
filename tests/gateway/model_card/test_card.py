"""The model card: what is served, what it is not for, and the operator's file beside it."""

import pytest

from gateway.model_card.card import LIMITS, NOT_INTENDED, ModelCard, model_card
from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Serving
from gateway.safety.red_flags.screening import Screener
from gateway.safety.wording import Audience

SERVING = Serving(gateway_version="1", engine="vllm", engine_version="0.32.0", model="fake-model")


def card(
    serving: Serving = SERVING, operator: Json | None = None, audience: Audience = "clinician"
) -> ModelCard:
    """Return the card of a model, with an operator's file or without."""
    screener = Screener.of(audience=audience)
    return model_card(serving, Disclaimer.of(), screener, answering={}, operator=operator)


def test_the_card_names_what_is_served() -> None:
    """Quantization, base and adapter come from the running engine, not from a text."""
    served = card(SERVING._replace(quantization="mxfp4", base="openai/gpt-oss-20b")).model

    assert (served["model"], served["quantization"]) == ("fake-model", "mxfp4")
    assert served["base"] == "openai/gpt-oss-20b"


def test_an_operators_file_replaces_no_limit() -> None:
    """It stands beside the gateway's own limits, whatever names its entries have."""
    operator = {"limits": [], "not_intended": [], "disclaimer": {}, "owner": "Pharmacy"}
    document = card(operator=operator)

    assert document.limits == LIMITS
    assert document.not_intended == NOT_INTENDED
    assert any("made up" in limit for limit in document.limits)
    assert "Direct advice to patients" in document.not_intended
    assert document.disclaimer["text"]
    assert document.operator == operator
    assert document.operator_card == "supplied"


@pytest.mark.parametrize(
    ("audience", "words"), [("clinician", "clinician"), ("patient", "patients"), ("off", "off")]
)
def test_the_card_says_for_whom_notices_are_worded(audience: Audience, words: str) -> None:
    """Else a card that says "no advice to patients" would contradict notices for patients."""
    document = card(audience=audience)

    assert words in document.notices
    assert (document.notice_rules is None) == (audience == "off")


@pytest.mark.parametrize(
    ("named", "is_shown"),
    [
        ({"model": "fake-model", "revision": "old"}, True),
        ({"model": "fake-model", "revision": ""}, True),
        ({}, True),
        ({"model": "other"}, False),
        ({"model": "fake-model", "revision": "new"}, False),
        ({"model": ["fake-model"]}, False),
    ],
)
def test_the_card_of_another_model_is_not_shown(named: Json, is_shown: bool) -> None:
    """Weights that were replaced may leave a file that does not describe them."""
    document = card(SERVING._replace(revision="old"), operator=named)

    assert (document.operator is not None) is is_shown
    assert ("another model" in document.operator_card) is not is_shown
