"""GET /v1/mmhie/model-card: the model's intended use, its limits, and the evidence."""

import tomllib
from pathlib import Path

from gateway.json_types import Json
from gateway.safety.labels import Labels
from gateway.safety.provenance import Serving
from gateway.services import ServicesDep

WORDING = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def card(serving: Serving, labels: Labels, contact: str | None) -> Json:
    """Return the card of the served model."""
    return {
        "model": serving._asdict(),
        "intended_use": WORDING["intended_use"],
        "not_intended": WORDING["not_intended"],
        "limits": WORDING["limits"],
        "notices": WORDING["notices"][labels.audience],
        "notice_rules": labels.notice_rules,
        "evaluation": WORDING["evaluation"],
        "about": WORDING["about"].get(serving.model),
        "disclaimer": labels.disclaimer.as_dict,
        "contact": contact,
    }


async def model_card(services: ServicesDep) -> Json:
    """Model card; 503 while the served model is unknown."""
    serving = services.serving(services.watch.model())
    return card(serving, services.labels, services.settings.disclaimer_contact)
