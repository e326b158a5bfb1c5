"""The operator's part of the model card: a TOML file, its schema and an empty one to fill in."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model

from gateway.model_card.attributes import ATTRIBUTES, REGULATION
from gateway.model_card.chai import METRIC, metrics, operator_fields
from gateway.runtime.files import FileUnusable

LARGEST_FILE_BYTES = 1024 * 1024
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
STRICT = ConfigDict(extra="forbid", frozen=True)
HEAD = f"""\
# Model card of one model, for the gateway (MMHIE_MODEL_CARD). An entry left empty is shown as "not
# supplied". `mmhie card check FILE` checks it. Several lines: '''text'''.

# Id of the model, as /v1/models has it. The card of another model is not shown.
model = {{model}}
# Revision of the weights that this was written for; empty: any.
revision = ""
# Report of `mmhie evaluate`, beside this file or by its full path; empty: none.
evaluation_report = ""

# {REGULATION}
[source_attributes]
"""


def table(name: str, fields: Mapping[str, str]) -> Any:
    """Return the model of a table of texts, each optional."""
    declared: dict[str, Any] = {
        field: (Text, Field("", description=text)) for field, text in fields.items()
    }
    return create_model(name, __config__=STRICT, **declared)


KeyMetric = table("KeyMetric", {name: text for name, (_, text) in METRIC.items()})
SourceAttributes = table(
    "SourceAttributes",
    {attribute.id: f"{attribute.paragraph} {attribute.text}." for attribute in ATTRIBUTES},
)
KEY_METRICS: dict[str, Any] = {
    name: (KeyMetric, Field(KeyMetric(), description="CHAI's key metric")) for name in metrics()
}
CardTexts = table("CardTexts", operator_fields())
AppliedModelCard = create_model("AppliedModelCard", __base__=CardTexts, **KEY_METRICS)


class Supplied(BaseModel):
    """An operator's statements about one model."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Operator's model card")

    model: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        description="Id of the model, as /v1/models has it."
    )
    revision: Text = Field("", description="Revision of the weights; empty: any.")
    evaluation_report: Text = Field("", description="File of a report of `mmhie evaluate`.")
    source_attributes: SourceAttributes = Field(  # type: ignore[valid-type] # made above
        SourceAttributes(), description=f"Source attributes of {REGULATION}."
    )
    applied_model_card: AppliedModelCard = Field(
        AppliedModelCard(), description="Elements of CHAI's Applied Model Card beside them."
    )

    def describes(self, model: str, revision: str | None) -> bool:
        """Return whether the card is of this model and revision."""
        return self.model == model and self.revision in {"", revision}

    def attribute(self, name: str) -> str:
        """Return the text of a source attribute; empty where none was supplied."""
        text: str = getattr(self.source_attributes, name)
        return text

    def missing(self) -> list[str]:
        """Return the ids of source attributes without a text."""
        return [attribute.id for attribute in ATTRIBUTES if not self.attribute(attribute.id)]


def read(path: Path) -> Supplied:
    """Return the card in a file; raise FileUnusable, which says what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise FileUnusable("it is larger than 1 MiB")
        return Supplied.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise FileUnusable(f"{where}: {first['msg']}") from None
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileUnusable(f"it cannot be read as TOML ({reason})") from None


def schema() -> dict[str, Any]:
    """Return the file's JSON schema."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | Supplied.model_json_schema()


def template(model: str) -> str:
    """Return an empty file: every entry with what belongs there."""
    parts = [HEAD.format(model=json.dumps(model))]
    parts += [
        entry(attribute.id, f"{attribute.paragraph} {attribute.text}", attribute.measure)
        for attribute in ATTRIBUTES
    ]
    parts.append("\n# CHAI's Applied Model Card: what the source attributes do not have.\n")
    parts.append("[applied_model_card]\n")
    parts += [entry(name, text) for name, text in operator_fields().items()]
    for metric in metrics():
        parts.append(f"\n[applied_model_card.{metric}]\n")
        parts += [entry(name, text) for name, (_, text) in METRIC.items()]
    return "".join(parts)


def entry(name: str, text: str, measure: str = "") -> str:
    measured = f"# {measure}.\n" if measure else ""
    return f'# {text}.\n{measured}{name} = ""\n'
