"""Schemas and tools that clients commonly send: all of them must pass."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AnyUrl, BaseModel, ConfigDict, Field, TypeAdapter

Json = dict[str, Any]

FHIR_ID: Final = r"^[A-Za-z0-9\-\.]{1,64}$"
FHIR_TIME: Final = (
    r"^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]"
    r"|3[0-1])(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]"
    r"|1[0-3]):[0-5][0-9]|14:00)))?)?)?$"
)
PATTERNS: Final[Mapping[str, str]] = {
    "ICD-10": r"^[A-Z][0-9]{2}(\.[0-9]{1,4})?$",
    "LOINC": r"^\d{1,5}-\d$",
    "dose": r"^\d+(\.\d+)? ?(mg|g|mcg|ml|IU)$",
    "phone": r"^\+?\d{1,3}[-. ]?\(?\d{3}\)?[-. ]?\d{3}[-. ]?\d{4}$",
    "e-mail": r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$",
    "URL": r"^https?://[^\s/$.?#].[^\s]*$",
    "IPv6": r"^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$",
    "name": r"^[A-Za-zÀ-ÿ' -]{1,30}$",
    "CSV of six": r"^[^,]*(,[^,]*){5}$",
    "FHIR id": FHIR_ID,
    "FHIR dateTime": FHIR_TIME,
    "pydantic's Decimal": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$",
}


class Dose(BaseModel):
    """An amount with constraints."""

    amount: float = Field(gt=0, le=10_000)
    unit: Literal["mg", "g", "ml"]
    times: Annotated[int, Field(ge=1, le=24)] = 1


class Drug(BaseModel):
    """Optional fields, formats, lists, a nested model, and a model that contains itself."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=200)
    code: str | None = Field(None, pattern=PATTERNS["ICD-10"])
    doses: list[Dose] = Field(default_factory=list, max_length=20)
    since: datetime | date | timedelta
    key: UUID
    leaflet: AnyUrl
    cost: Decimal
    notes: dict[str, str] = {}
    instead: list["Drug"] = []


def text(**more: object) -> Json:
    return {"type": "string", **more}


def of(properties: Json, *optional: str, **more: object) -> Json:
    """Return an object schema; all properties are required unless named as optional."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, **more}


CODING: Final = of({"system": text(format="uri"), "code": text(), "display": text()}, "display")
OBSERVATION: Final = {
    "$defs": {
        "Coding": CODING,
        "Concept": of(
            {"coding": {"type": "array", "items": {"$ref": "#/$defs/Coding"}}, "text": text()}
        ),
        "Quantity": of({"value": {"type": "number"}, "unit": text(), "code": text()}, "code"),
    },
    **of(
        {
            "resourceType": {"const": "Observation"},
            "id": text(pattern=FHIR_ID),
            "status": {"enum": ["registered", "preliminary", "final", "amended", "cancelled"]},
            "category": {"type": "array", "items": {"$ref": "#/$defs/Concept"}},
            "code": {"$ref": "#/$defs/Concept"},
            "subject": of({"reference": text()}),
            "effectiveDateTime": text(pattern=FHIR_TIME),
            "valueQuantity": {"$ref": "#/$defs/Quantity"},
            "component": {
                "type": "array",
                "items": of({"code": {"$ref": "#/$defs/Concept"}}),
                "maxItems": 50,
            },
        },
        *("id", "category", "valueQuantity", "component"),
    ),
}
SCHEMAS: Final[Mapping[str, Json]] = {
    "any object": {"type": "object"},
    "pydantic": Drug.model_json_schema(),
    "pydantic: a list": TypeAdapter(list[Drug]).json_schema(),
    "outlines: choice": {"enum": ["benign", "malignant", "unclear"]},
    "FHIR: Observation": OBSERVATION,
    "FHIR: Bundle": of({"entry": {"type": "array", "items": OBSERVATION}}),
    "form of 200 required": of({f"field_{at}": text() for at in range(200)}),
    "form of 50 optional": of(
        {f"f{at}": text() for at in range(50)}, *(f"f{a}" for a in range(50))
    ),
    "a table of 400 codes": of({"code": {"enum": [f"I{at}.{at % 9}" for at in range(400)]}}),
    "vitals with bounds": of(
        {f"v{at}": {"type": "number", "minimum": 0, "maximum": 300} for at in range(40)}
    ),
    "long texts": of({f"t{at}": text(minLength=1, maxLength=4000) for at in range(40)}),
    "long lists": of({"rows": {"type": "array", "items": of({"x": text()}), "maxItems": 1000}}),
    "a property named pattern": of({"pattern": text(), "format": text(), "enum": text()}),
    **{name: of({"value": text(pattern=pattern)}) for name, pattern in PATTERNS.items()},
}


def chat_tool(name: str, parameters: Json, **more: object) -> Json:
    """Return a tool of chat completions."""
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


SEARCH: Final = of({"query": text(), "k": {"type": "integer"}}, additionalProperties=False)
AGENT: Final = [chat_tool(f"tool_{at}", SEARCH, strict=True) for at in range(30)]
MANY: Final = [chat_tool(f"tool_{at}", SEARCH, description="x" * 2000) for at in range(128)]
NAMED: Final = {"type": "function", "function": {"name": "tool_7"}}
TOOLS: Final[Mapping[str, Json]] = {
    "auto": {"tools": MANY},
    "one of many named": {"tools": MANY, "tool_choice": NAMED},
    "agents SDK: strict": {"tools": AGENT, "parallel_tool_calls": False},
    "instructor: TOOLS": {
        "tools": [chat_tool("Drug", Drug.model_json_schema(), description="Correctly extracted")],
        "tool_choice": {"type": "function", "function": {"name": "Drug"}},
    },
    "LangChain: required": {"tools": AGENT[:10], "tool_choice": "required"},
    "Responses: strict": {
        "tools": [{"type": "function", "name": "f", "parameters": SEARCH, "strict": True}],
        "tool_choice": {"type": "function", "name": "f"},
    },
    "Anthropic: any": {
        "tools": [{"name": "f", "input_schema": SEARCH}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    },
    "custom with a grammar, which vLLM reads as text": {
        "tools": [{"type": "custom", "name": "f", "format": {"type": "grammar", "definition": "x"}}]
    },
}
