"""Operator's cards and evaluation reports for the tests of the model card."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from gateway.model_card.evaluation import FORMAT

KEY = "k" * 32
SUITE = {"name": "medqa", "measure": "accuracy", "n": 20, "value": 0.25, "low": 0.11, "high": 0.47}
UNSCORED = {"name": "rubrics", "measure": "score", "n": 4, "value": None}


def card_file(folder: Path, model: str = "fake-model", *, report: str = "", text: str = "") -> Path:
    """Write a card with one source attribute, and what else `text` has."""
    file = folder / "card.toml"
    file.write_text(
        f'model = "{model}"\nevaluation_report = "{report}"\n'
        '[source_attributes]\nintended_patients = "Adults on <b>our</b> wards"\n'
        f'known_risks = "Not tried with our formulary."\n{text}'
    )
    return file


def report_file(folder: Path, key: str = KEY, model: str = "fake-model", **more: Any) -> Path:
    """Write a report as `mmhie evaluate` signs it; without a key its MAC is empty."""
    content = {
        "format": FORMAT,
        "time": "2026-11-20T12:00:00Z",
        "served": {"model": model, "revision": None, "quantization": "mxfp4"},
        "suites": [SUITE, UNSCORED],
        **more,
    }
    body = json.dumps(content, indent=1).removesuffix("\n}")
    signed = hmac.new(key.encode(), f"{FORMAT}\n{body}\n}}".encode(), hashlib.sha256).hexdigest()
    file = folder / "evaluation.json"
    file.write_text(f'{body},\n "mac": "{signed if key else ""}"\n}}\n')
    return file
