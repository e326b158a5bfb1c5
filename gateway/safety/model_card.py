"""The model card: intended use, limits and evidence."""

import tomllib
from pathlib import Path

from gateway.json_types import Json
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.provenance import Serving

WORDING = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def card(serving: Serving, disclaimer: Disclaimer, contact: str | None) -> Json:
    """Return the card of the served model."""
    return {
        "model": serving._asdict(),
        "intended_use": WORDING["intended_use"],
        "not_intended": WORDING["not_intended"],
        "limits": WORDING["limits"],
        "evaluation": WORDING["evaluation"],
        "about": WORDING["about"].get(serving.model),
        "disclaimer": disclaimer.as_dict,
        "contact": contact,
    }
