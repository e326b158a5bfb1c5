"""A table of docs/model-card.md and the schema of the operator's file, from the card's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from gateway.model_card.card import AttributeAnswer, ModelCard
from gateway.model_card.supplied import schema
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.labels import Serving
from gateway.safety.red_flags.screening import Screener
from scripts.render.page import DOCS, table

SCHEMA: Final = DOCS / "model-card.schema.json"
HEAD: Final = ("paragraph", "the service", "the default model's author", "the operator alone")
ANY: Final = Serving(gateway_version="", engine="vllm", engine_version=None, model="any")
DEFAULT: Final = ANY._replace(model="dousery/medical-reasoning-gpt-oss-20b")


def pages() -> dict[Path, str]:
    """Return the schema."""
    return {SCHEMA: json.dumps(schema(), indent=1) + "\n"}


def attributes() -> str:
    """Return a row for each paragraph: who answers its attributes where no operator has."""
    screener = Screener.of(audience="off")
    answers = [
        ModelCard(serving, Disclaimer.of(), screener).answers() for serving in (ANY, DEFAULT)
    ]
    rows: dict[str, dict[str, list[str]]] = {}
    for pair in zip(*answers, strict=True):
        paragraph = pair[0].attribute.paragraph[:3]
        cells = rows.setdefault(paragraph, {answerer: [] for answerer in HEAD[1:]})
        cells[answerer_of(*pair)].append(f"`{pair[0].attribute.id}`")
    return table(
        HEAD, [[paragraph, *map(", ".join, row.values())] for paragraph, row in rows.items()]
    )


def answerer_of(anybody: AttributeAnswer, default: AttributeAnswer) -> str:
    """Return the column of an attribute; what the author only adds to is the service's."""
    if anybody.sources:
        return "the service"
    return "the default model's author" if default.sources else "the operator alone"


BLOCKS: Final = {"attributes": attributes}
