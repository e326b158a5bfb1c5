"""The model card: what is served, what it is not for, and the operator's own file."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from gateway.runtime.json_types import Json
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Serving
from gateway.safety.red_flags.screening import Screener
from gateway.safety.wording import Audience

INTENDED_USE = (
    "Text drafts and summaries for licensed clinicians, who review every output before it is used."
)
NOT_INTENDED = (
    "Diagnosis or treatment decisions without review by a licensed clinician",
    "Direct advice to patients",
    "Triage or emergencies",
    "Images, signals or audio",
)
LIMITS = (
    "Outputs may be wrong, incomplete, out of date or made up, and sound sure all the same.",
    "Reasoning text is not a faithful account of how an answer came about.",
    "Guidelines, drugs and units differ between regions; the model does not know where it is used.",
    "Notices come from a classifier that misses emergencies; no notice means nothing.",
)
NOTICES: Mapping[Audience, str] = {
    "clinician": "Red-flag notices are worded for the clinician who reads the answer.",
    "patient": "Red-flag notices are worded for patients (MMHIE_AUDIENCE); answers are still "
    "drafts that a clinician reviews.",
    "off": "Red-flag notices are switched off (MMHIE_AUDIENCE).",
}
NOT_SUPPLIED = "not supplied"
SUPPLIED = "supplied"
OF_ANOTHER_MODEL = "of another model or revision, and not shown"


class ModelCard(BaseModel):
    """The card of the served model. `operator` is the operator's file as it is."""

    model: dict[str, Any]  # as engine and launcher name it
    answering: dict[str, Any]  # the settings that shape an answer
    intended_use: str = INTENDED_USE
    not_intended: tuple[str, ...] = NOT_INTENDED
    limits: tuple[str, ...] = LIMITS
    notices: str
    notice_rules: str | None
    disclaimer: dict[str, str]
    contact: str | None
    operator_card: str
    operator: dict[str, Any] | None


def model_card(
    serving: Serving,
    disclaimer: Disclaimer,
    screener: Screener,
    *,
    answering: Mapping[str, object],
    contact: str | None = None,
    operator: Json | None = None,
) -> ModelCard:
    """Return the card; the operator's file is left out if it names another model."""
    is_shown = operator is not None and describes(operator, serving)
    return ModelCard(
        model=serving._asdict(),
        answering=dict(answering),
        notices=NOTICES[screener.audience],
        notice_rules=screener.notice_rules,
        disclaimer=disclaimer.as_dict,
        contact=contact,
        operator_card=state_of(operator, is_shown=is_shown),
        operator=operator if is_shown else None,
    )


def describes(operator: Json, serving: Serving) -> bool:
    """Return False if the file's `model` or `revision` is another than the served one."""
    model, revision = operator.get("model"), operator.get("revision")
    return model in (None, "", serving.model) and revision in (None, "", serving.revision)


def state_of(operator: Json | None, *, is_shown: bool) -> str:
    """Return what became of the operator's file."""
    if operator is None:
        return NOT_SUPPLIED
    return SUPPLIED if is_shown else OF_ANOTHER_MODEL
