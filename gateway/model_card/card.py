"""The card of the served model: what the service knows, its author and the operator say."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gateway.model_card import chai
from gateway.model_card.attributes import ATTRIBUTES, REGULATION, Attribute
from gateway.model_card.evaluation import Evaluation
from gateway.model_card.source import NOTHING, OperatorCard
from gateway.model_card.supplied import Supplied
from gateway.record import rfc3339
from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Serving
from gateway.safety.red_flags.screening import Screener

WORDING = tomllib.loads(Path(__file__).with_name("wording.toml").read_text("utf-8"))
NOT_SUPPLIED = "not supplied"
# What the service and the author warn of cannot be replaced, only added to.
ADDED_TO = frozenset(
    {"cautioned_uses", "known_risks", "local_validity", "local_fairness", "external_validity"}
)
# What the figures of an evaluation are of, by the attribute that they answer.
MEASURED: Mapping[str, str] = {
    "local_validity": "Items of this site:",
    "local_fairness": "Items of this site, by subgroup:",
    "external_validity": "Published and built-in items; whether the model was trained on them is "
    "not known:",
}
LOCAL_SUITE = "own"
SERVICE: Mapping[str, str] = {
    "intended_use": WORDING["intended_use"],
    "cautioned_uses": "; ".join(WORDING["not_intended"]) + ".",
    "known_risks": " ".join(WORDING["limits"]),
    **WORDING["service"],
}


class AttributeAnswer(NamedTuple):
    """The answer to a source attribute, and who gave it: `operator`, `author`, `service` or
    `evaluation`; nobody where it was not supplied."""

    attribute: Attribute
    value: str
    sources: tuple[str, ...]

    def as_dict(self) -> Json:
        """Return its form on the card."""
        return {
            "id": self.attribute.id,
            "paragraph": REGULATION + self.attribute.paragraph,
            "group": self.attribute.group,
            "attribute": self.attribute.text,
            "measure": self.attribute.measure,
            "value": self.value,
            "sources": list(self.sources),
        }


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that the card of the served model is made of."""

    serving: Serving
    disclaimer: Disclaimer
    screener: Screener
    contact: str | None = None
    operator: OperatorCard = NOTHING
    answering: Mapping[str, object] = field(default_factory=dict)  # settings that shape an answer

    def document(self) -> Json:
        """Return the card as JSON."""
        answers = self.answers()
        return {
            "model": self.serving._asdict(),
            "answering": dict(self.answering),
            "intended_use": WORDING["intended_use"],
            "not_intended": WORDING["not_intended"],
            "limits": WORDING["limits"],
            "notices": WORDING["notices"][self.screener.audience],
            "notice_rules": self.screener.notice_rules,
            "evaluation": WORDING["evaluation"][self.evaluation_state()],
            "evaluation_report": self.figures(),
            "about": self.about() or None,
            "disclaimer": self.disclaimer.as_dict,
            "contact": self.contact,
            "operator_card": self.operator_state(),
            "supplied": sum(bool(answer.sources) for answer in answers),
            "source_attributes": [answer.as_dict() for answer in answers],
            "applied_model_card": self.applied(answers),
        }

    def supplied(self) -> Supplied | None:
        """Return what the operator says of this model; None for the card of another one."""
        card, serving = self.operator.supplied, self.serving
        of_this = card is not None and card.describes(serving.model, serving.revision)
        return card if of_this else None

    def evaluation(self) -> Evaluation | None:
        """Return the report of this model and these settings; None for one of others."""
        evaluation = self.operator.evaluation
        served = {**self.serving._asdict(), "settings": dict(self.answering) or None}
        of_this = evaluation is not None and evaluation.is_of(served)
        return evaluation if of_this else None

    def about(self) -> Mapping[str, Any]:
        """Return what the author of a known model says."""
        known: Mapping[str, Any] = WORDING["about"].get(self.serving.model, {})
        return {name: entry for name, entry in known.items() if name != "source_attributes"}

    def answers(self) -> list[AttributeAnswer]:
        """Return the answer to every source attribute, in the regulation's order."""
        return [answer(attribute, self.said_of(attribute.id)) for attribute in ATTRIBUTES]

    def said_of(self, name: str) -> dict[str, str]:
        """Return who says what of an attribute; of several, the last one is asked first."""
        author = WORDING["about"].get(self.serving.model, {}).get("source_attributes", {})
        supplied, evaluation = self.supplied(), self.evaluation()
        said = {
            "service": SERVICE.get(name, ""),
            "author": author.get(name, ""),
            "evaluation": measured_text(name, evaluation) if evaluation else "",
            "operator": supplied.attribute(name) if supplied else "",
        }
        return {who: text for who, text in said.items() if text}

    def evaluation_state(self) -> str:
        """Return the name of the sentence on the evaluation."""
        if self.operator.evaluation is None:
            return "none"
        evaluation = self.evaluation()
        if evaluation is None:
            return "other"
        if not evaluation.content.is_complete:
            return "incomplete"
        return "signed" if evaluation.is_verified else "unsigned"

    def figures(self) -> Json | None:
        """Return the figures of this model's report."""
        evaluation = self.evaluation()
        if evaluation is None:
            return None
        return {
            "time": rfc3339(evaluation.content.time.timestamp()),
            "is_verified": evaluation.is_verified,
            "is_complete": evaluation.content.is_complete,
            "suites": [suite.model_dump() for suite in evaluation.content.suites],
        }

    def operator_state(self) -> str:
        """Return whether the operator's file is of this model."""
        card = self.operator.supplied
        if card is None:
            return NOT_SUPPLIED
        return "supplied" if self.supplied() else f"of another model or revision: {card.model}"

    def applied(self, answers: list[AttributeAnswer]) -> Json:
        """Return CHAI's Applied Model Card."""
        by_id = {answer.attribute.id: answer for answer in answers}
        texts = self.supplied()

        def fill(entry: Mapping[str, Any]) -> object:
            if "attributes" in entry:
                given = [by_id[name] for name in entry["attributes"]]
                return "\n".join(answer.value for answer in given if answer.sources) or NOT_SUPPLIED
            if "service" in entry:
                return FACTS[entry["service"]](self) or NOT_SUPPLIED
            if "metric" in entry:
                return key_metric(texts, entry["metric"])
            return operator_text(texts, entry["operator"])

        return {"schema": chai.SCHEMA, **chai.filled(chai.ELEMENTS, fill)}


def answer(attribute: Attribute, said: dict[str, str]) -> AttributeAnswer:
    """Return the answer to one attribute: everything said where warnings add up, else the best."""
    if not said:
        return AttributeAnswer(attribute, NOT_SUPPLIED, ())
    chosen = said if attribute.id in ADDED_TO else dict([list(said.items())[-1]])
    return AttributeAnswer(attribute, "\n".join(chosen.values()), tuple(chosen))


def measured_text(name: str, evaluation: Evaluation) -> str:
    """Return the figures of a report that answer an attribute, each with its interval: those of the
    site's own items are its validity in local data, all others in data from elsewhere."""
    if name not in MEASURED:
        return ""
    suites = [suite for suite in evaluation.content.suites if answered_by(suite.name) == name]
    if not suites:
        return ""
    signed = "" if evaluation.is_verified else ", signature not verified"
    head = f"Measured on this service, {evaluation.content.time:%Y-%m-%d}{signed}. {MEASURED[name]}"
    return "\n".join([head, *map(str, suites)])


def answered_by(figure: str) -> str:
    """Return the attribute that a figure of this name answers."""
    suite, _, subgroup = figure.partition(", ")
    if suite != LOCAL_SUITE:
        return "external_validity"
    return "local_fairness" if subgroup else "local_validity"


def operator_text(texts: Supplied | None, name: str) -> str:
    text = getattr(texts.applied_model_card, name) if texts else ""
    return text or NOT_SUPPLIED


def key_metric(texts: Supplied | None, name: str) -> dict[str, str]:
    """Return a key metric with all of its elements."""
    given = getattr(texts.applied_model_card, name) if texts else None
    return {
        element: getattr(given, field, "") or NOT_SUPPLIED
        for field, (element, _) in chai.METRIC.items()
    }


def transparency(card: ModelCard) -> str:
    """Return what every answer of this service discloses."""
    version = card.disclaimer.version
    return (
        f"Every response carries the disclaimer (version {version}), provenance and HL7's label "
        "AIAST; truncation, warnings and red-flag notices are said beside the text."
    )


def model_type(card: ModelCard) -> str:
    """Return the kind of model, the engine and the quantization."""
    serving = card.serving
    engine = " ".join(filter(None, (serving.engine, serving.engine_version)))
    adapter = f", with the adapter {serving.adapter}" if serving.adapter else ""
    quantization = serving.quantization or "none"
    return f"Language model{adapter}, served by {engine}, quantization: {quantization}"


# What the service knows of the model, by the name in chai.toml.
FACTS: Mapping[str, Callable[[ModelCard], str | None]] = {
    "name": lambda card: card.serving.display_name or card.serving.model,
    "version": lambda card: card.serving.revision,
    "model_type": model_type,
    "foundation": lambda card: card.serving.base,
    "data_types": lambda _: "Text in, text out; no images, signals or audio",
    "transparency": transparency,
}
