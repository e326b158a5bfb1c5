"""The model card: what is served, what it is for, who says so, and what nobody has said."""

from pathlib import Path
from typing import Any

import pytest

from gateway.model_card import source
from gateway.model_card.attributes import ATTRIBUTES
from gateway.model_card.card import NOT_SUPPLIED, ModelCard
from gateway.model_card.source import OperatorCard
from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Serving
from gateway.safety.red_flags.screening import Screener
from gateway.safety.wording import Audience
from tests.gateway.model_card.cards import KEY, SUITE, UNSCORED, card_file, report_file

SERVING = Serving(gateway_version="1", engine="vllm", engine_version="0.32.0", model="fake-model")
DEFAULT = SERVING._replace(model="dousery/medical-reasoning-gpt-oss-20b")
SCREENER = Screener.of()


def card(serving: Serving = SERVING, operator: OperatorCard | None = None) -> Json:
    """Return the card of a model, with an operator's file or without."""
    operator = operator or OperatorCard()
    return ModelCard(serving, Disclaimer.of(), SCREENER, None, operator).document()


def card_with_report(folder: Path, **report: Any) -> Json:
    """Return the card of a model with an operator's file that names such a report."""
    report_file(folder, **report)
    return card(operator=source.read(card_file(folder, report="evaluation.json"), KEY))


def attribute(found: Json, name: str) -> Json:
    (entry,) = [entry for entry in found["source_attributes"] if entry["id"] == name]
    return dict(entry)


def test_the_card_names_what_is_served() -> None:
    """Quantization, base and adapter come from the running engine, not from a text."""
    served = card(SERVING._replace(quantization="mxfp4", base="openai/gpt-oss-20b"))

    assert served["model"]["quantization"] == "mxfp4"
    assert served["model"]["base"] == "openai/gpt-oss-20b"
    assert "mxfp4" in served["applied_model_card"]["TrustIngredients"]["AISystemFacts"]["ModelType"]


def test_the_default_model_carries_its_authors_warnings() -> None:
    """The author's statements about the model are in its card."""
    document = card(DEFAULT)

    assert any("Not a medical device" in line for line in document["about"]["author_says"])
    assert attribute(document, "training_criteria")["sources"] == ["author"]
    assert "source_attributes" not in document["about"]


def test_an_unknown_model_gets_no_invented_facts() -> None:
    """Of a model nobody wrote about here nothing is claimed."""
    document = card()

    assert document["about"] is None
    assert {who for entry in document["source_attributes"] for who in entry["sources"]} == {
        "service"
    }


def test_a_card_without_an_operator_has_every_attribute() -> None:
    """Attributes that nobody supplied say so, for any model."""
    entries = card()["source_attributes"]

    assert [entry["id"] for entry in entries] == [known.id for known in ATTRIBUTES]
    missing = [entry for entry in entries if not entry["sources"]]
    assert len(missing) > 20
    assert {entry["value"] for entry in missing} == {NOT_SUPPLIED}
    assert entries[0]["paragraph"] == "45 CFR 170.315(b)(11)(iv)(B)(1)(i)"


@pytest.mark.parametrize(
    ("audience", "words"), [("clinician", "clinician"), ("patient", "patients"), ("off", "off")]
)
def test_the_card_says_for_whom_notices_are_worded(audience: Audience, words: str) -> None:
    """Else a card that says "no advice to patients" would contradict notices for patients."""
    document = ModelCard(SERVING, Disclaimer.of(), Screener.of(audience=audience)).document()

    assert words in document["notices"]
    assert "Direct advice to patients" in document["not_intended"]
    assert (document["notice_rules"] is None) == (audience == "off")


def test_an_operators_text_is_named_as_theirs(tmp_path: Path) -> None:
    """In the source attributes, and in the element of CHAI's card that has it."""
    stage, goal = 'release_stage = "pilot"', '[applied_model_card.safety]\ngoal = "No harm"'
    text = f"[applied_model_card]\n{stage}\n{goal}\n"
    document = card(operator=source.read(card_file(tmp_path, text=text), None))

    assert attribute(document, "intended_patients")["sources"] == ["operator"]
    applied = document["applied_model_card"]
    assert "our" in applied["UsesAndDirections"]["TargetedPatientPopulation"]
    assert applied["ReleaseInfo"]["ReleaseStage"] == "pilot"
    assert applied["KeyMetrics"]["SafetyReliability"]["MetricGoal"] == "No harm"
    assert document["operator_card"] == "supplied"


def test_warnings_can_be_added_to_and_not_replaced(tmp_path: Path) -> None:
    """Of known risks the operator's, the author's and the service's stand together."""
    operator = source.read(card_file(tmp_path, DEFAULT.model), None)
    risks = attribute(card(DEFAULT, operator), "known_risks")

    assert risks["sources"] == ["service", "author", "operator"]
    for text in ("made up", "not a medical device", "our formulary"):
        assert text in risks["value"]


@pytest.mark.parametrize("other", [{"model": "other"}, {"revision": "new"}])
def test_the_card_of_another_model_is_not_shown(tmp_path: Path, other: dict[str, str]) -> None:
    """Weights that were replaced leave a card, and figures, that are not of them."""
    report_file(tmp_path, served={"model": "fake-model", "revision": "old"})
    file = card_file(tmp_path, report="evaluation.json")
    file.write_text('revision = "old"\n' + file.read_text())
    operator, old = source.read(file, KEY), SERVING._replace(revision="old")
    document = card(old._replace(**other), operator)

    assert card(old, operator)["supplied"] > document["supplied"]
    assert attribute(document, "intended_patients")["value"] == NOT_SUPPLIED
    assert "another model or revision" in document["operator_card"]
    assert document["evaluation_report"] is None
    assert "of another model" in document["evaluation"]


SERVED = {"model": "fake-model", "quantization": "none", "adapter": "a", "adapter_digest": "d1"}


@pytest.mark.parametrize(
    "changed",
    [{"quantization": "mxfp4"}, {"adapter_digest": "d2"}, {"adapter": None}, {"base": "other"}],
)
def test_figures_of_another_quantization_or_adapter_are_not_shown(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    """They are of what was served then, and not of what is served now."""
    report_file(tmp_path, served=SERVED)
    operator = source.read(card_file(tmp_path, report="evaluation.json"), KEY)
    served = SERVING._replace(**SERVED)

    assert card(served, operator)["evaluation_report"] is not None
    assert card(served._replace(**changed), operator)["evaluation_report"] is None


def test_an_incomplete_evaluation_says_so(tmp_path: Path) -> None:
    """A budget that ended early leaves items out, and maybe the hard ones."""
    document = card_with_report(tmp_path, is_complete=False)

    assert "not complete" in document["evaluation"]
    assert not document["evaluation_report"]["is_complete"]


def test_figures_enter_the_card_with_their_interval(tmp_path: Path) -> None:
    """Those of a site's own items as validity in local data, others as in data from elsewhere."""
    own = {"name": "own", "measure": "mean score", "n": 9, "value": 0.5, "low": 0.2, "high": 0.8}
    document = card_with_report(tmp_path, suites=[SUITE, UNSCORED, own])
    local, external = (attribute(document, f"{data}_validity") for data in ("local", "external"))

    assert local["sources"] == external["sources"] == ["evaluation"]
    assert "own, mean score: 50.0% (95 % interval 20.0% to 80.0%), n = 9" in local["value"]
    assert "medqa, accuracy: 25.0% (95 % interval 11.0% to 47.0%), n = 20" in external["value"]
    assert "rubrics, score: not scored" in external["value"]
    assert "medqa" not in local["value"]
    assert document["evaluation_report"]["suites"][0]["n"] == 20
    assert document["evaluation_report"]["is_verified"]


def test_subgroups_of_the_sites_items_are_its_fairness(tmp_path: Path) -> None:
    """And what has to be measured for it stands on the card."""
    parts = [{**SUITE, "name": name} for name in ("own", "own, sex: female", "own, sex: male")]
    document = card_with_report(tmp_path, suites=parts)
    fairness = attribute(document, "local_fairness")

    assert fairness["sources"] == ["evaluation"]
    assert fairness["value"].count("own, sex: ") == 2
    assert "own, accuracy" in attribute(document, "local_validity")["value"]
    assert attribute(document, "external_validity")["sources"] == []
    assert "each age group, ethnicity, language and disability" in fairness["measure"]


def test_figures_under_other_settings_are_not_shown(tmp_path: Path) -> None:
    """Another system prompt makes another service of the same model."""
    report_file(tmp_path, served={"model": "fake-model", "settings": {"system_prompt": "5e77"}})
    operator = source.read(card_file(tmp_path, report="evaluation.json"), KEY)

    for digest, is_shown in (("5e77", True), ("07e4", False)):
        settings = {"system_prompt": digest}
        made = ModelCard(SERVING, Disclaimer.of(), SCREENER, None, operator, settings).document()
        assert bool(made["evaluation_report"]) is is_shown


def test_no_local_validity_without_local_items(tmp_path: Path) -> None:
    """Published questions say nothing of a site's patients."""
    assert attribute(card_with_report(tmp_path), "local_validity")["value"] == NOT_SUPPLIED


def test_figures_without_a_verified_signature_say_so(tmp_path: Path) -> None:
    """Anybody could have written them."""
    document = card_with_report(tmp_path, key="")

    assert "signature not verified" in attribute(document, "external_validity")["value"]
    assert "not verified" in document["evaluation"]
