"""docs/model-card.md and the schema of the operator's file, from the model card's own tables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from gateway.model_card.card import AttributeAnswer, ModelCard
from gateway.model_card.supplied import schema
from gateway.safety.disclaimer import Disclaimer
from gateway.safety.prompt_screening import Screener
from gateway.safety.provenance import Serving
from scripts.render.page import DOCS, table, with_blocks

PAGE: Final = DOCS / "model-card.md"
SCHEMA: Final = DOCS / "model-card.schema.json"
TABLE: Final = re.compile(r"(<!-- attributes -->\n)(?:\|.*\n)*")
HEAD: Final = ("paragraph", "attribute", "id in the file", "any model", "the default model")
ANY: Final = Serving(gateway_version="", engine="vllm", engine_version=None, model="any")
DEFAULT: Final = ANY._replace(model="dousery/medical-reasoning-gpt-oss-20b")


def pages() -> dict[Path, str]:
    """Return the page with its table of attributes, and the schema."""
    return {
        PAGE: with_blocks(PAGE, TABLE, lambda _: attributes()),
        SCHEMA: json.dumps(schema(), indent=1) + "\n",
    }


def attributes() -> str:
    """Return a row for each source attribute: who answers it where no operator has."""
    screener = Screener.of(audience="off")
    answers = [
        ModelCard(serving, Disclaimer.of(), screener).answers() for serving in (ANY, DEFAULT)
    ]
    return table(HEAD, [row(*pair) for pair in zip(*answers, strict=True)])


def row(anybody: AttributeAnswer, default: AttributeAnswer) -> tuple[str, ...]:
    attribute = anybody.attribute
    given = (" and ".join(answer.sources) or "not supplied" for answer in (anybody, default))
    return attribute.paragraph, attribute.text, f"`{attribute.id}`", *given
