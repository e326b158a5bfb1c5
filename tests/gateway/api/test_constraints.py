"""Constraints: a scope for standalone patterns, limits for schemas, none for common ones."""

from typing import Any

import pytest

from gateway.api.constraints import LONGEST_NAME, MOST_TOOLS, check_constraints
from gateway.api.pattern_weight import weight_of_pattern
from gateway.api.schema_limits import LIMITS
from gateway.errors import Forbidden, InvalidRequest
from tests.gateway.api.common_schemas import SCHEMAS, TOOLS, chat_tool, of, text

ALONE: tuple[dict[str, Any], ...] = (
    {"structured_outputs": {"regex": "[0-9]"}},
    {"structured_outputs": {"grammar": 'root ::= "a"'}},
    {"structured_outputs": {"json": {}, "whitespace_pattern": " ?"}},
    {"response_format": {"type": "structural_tag", "format": {}}},
    {"output_config": {"format": {"type": "structural_tag"}}},
    {"guided_regex": "x"},
    {"ebnf": "x"},
)
CHOICES = ({"structured_outputs": {"choice": ["yes", "no"]}}, {"guided_choice": ["yes", "no"]})


def nest(levels: int) -> dict[str, Any]:
    """Return alternatives within alternatives."""
    schema = text()
    for _ in range(levels):
        schema = {"oneOf": [of({"a": schema}), of({"b": {"type": "null"}})]}
    return schema


def deep(levels: int) -> dict[str, Any]:
    schema = text()
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


NAMES = [f"p{at}" for at in range(5000)]
# Each limit, by the name of its row, with a schema that is over it.
OVER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("depth", deep(50)),
    ("nesting", nest(7)),
    ("optional", of({name: text() for name in NAMES[:65]}, *NAMES)),
    ("counted", of({name: text() for name in NAMES[:17]}, minProperties=3)),
    ("count", {"type": "array", "maxItems": 10**6}),
    ("patternProperties", of({}, patternProperties={"^x": text()})),
    ("length", text(pattern="a" * 257)),
    ("schemas", {"prefixItems": [{}] * 1001}),
    ("properties", of(dict.fromkeys(NAMES, True))),
    ("alternatives", {"anyOf": [True] * 501}),
    ("letters", {"enum": ["x" * 999] * 50}),
    ("weight", text(pattern="((.{1,30}){1,30}){1,30}")),
    ("patterns", {"items": [text(pattern="a")] * 51}),
    ("weight", {"items": [text(format="email")] * 20}),
    ("weight", {"$defs": {"a": text(pattern="(.?.?.?)*{1,99}")}}),
    ("weight", {"description": text(pattern=".{1,100}"), "$ref": "#/description"}),
)


def refusal(request: dict[str, Any]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        check_constraints(request, ())
    return refused.value


def in_format(schema: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}


@pytest.mark.parametrize("request_", ALONE)
def test_what_stands_alone_needs_the_scope(request_: dict[str, Any]) -> None:
    """In every form; the sentence names the scope and the alternative."""
    check_constraints(request_, ("openai", "patterns"))
    with pytest.raises(Forbidden, match=r"scope `patterns`.* or send a JSON schema"):
        check_constraints(request_, ("openai", "admin"))


@pytest.mark.parametrize("request_", CHOICES)
def test_a_list_of_choices_needs_none(request_: dict[str, Any]) -> None:
    """It is compiled like an enum, and has the same limits."""
    check_constraints(request_, ())
    field, value = next(iter(request_.items()))
    long = ["x" * 1000] * 50

    assert refusal({field: long if isinstance(value, list) else {"choice": long}}).param == field


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_common_schema_passes(name: str) -> None:
    """In a response format and in a strict tool."""
    schema = SCHEMAS[name]
    check_constraints(in_format(schema), ())
    check_constraints({"tools": [chat_tool("f", schema, strict=True)]}, ())


@pytest.mark.parametrize("name", TOOLS)
def test_common_tools_pass(name: str) -> None:
    check_constraints(TOOLS[name], ())


@pytest.mark.parametrize(("name", "schema"), OVER, ids=str)
def test_each_limit(name: str, schema: dict[str, Any]) -> None:
    """The sentence names the limit and the remedy."""
    error = refusal(in_format(schema))

    assert LIMITS[name].what in error.message
    assert LIMITS[name].remedy in error.message
    assert error.param == "response_format"


def test_every_limit_is_tested() -> None:
    assert {name for name, _ in OVER} == {*LIMITS}


HEAVY = text(pattern=".{1,100}")
IN_TOOL = chat_tool("f", HEAVY)
PLACES: tuple[dict[str, Any], ...] = (
    {"structured_outputs": {"json": HEAVY}},
    {"structured_outputs": {"json": '{"type": "string", "pattern": ".{1,100}"}'}},
    {"text": {"format": {"type": "json_schema", "schema": HEAVY}}},
    {"output_config": {"format": {"type": "json_schema", "schema": HEAVY}}},
    {"tools": [IN_TOOL], "tool_choice": "required"},
    {"tools": [IN_TOOL], "tool_choice": {"function": {"name": "f"}}},
    {"tools": [{"name": "f", "input_schema": HEAVY, "strict": True}]},
    {"tools": [{"type": "namespace", "tools": [{"parameters": HEAVY, "strict": True}]}]},
    # Two that are light alone.
    {**in_format(text(pattern=".{1,30}")), "structured_outputs": {"json": text(pattern=".{1,30}")}},
)


@pytest.mark.parametrize("request_", PLACES)
def test_every_place_counts(request_: dict[str, Any]) -> None:
    """All schemas that the engine compiles for a request count together."""
    assert LIMITS["weight"].what in refusal(request_).message


@pytest.mark.parametrize(
    "request_",
    [
        {"tools": [IN_TOOL]},
        {"tools": [IN_TOOL], "tool_choice": "none"},
        {"tools": [IN_TOOL, chat_tool("g", {})], "tool_choice": {"function": {"name": "g"}}},
        {"tools": "x", "response_format": 5, "structured_outputs": ["x"], "text": "a prompt"},
        {"structured_outputs": {"json": "{"}},
    ],
)
def test_what_is_not_compiled_does_not_count(request_: dict[str, Any]) -> None:
    """A tool that the model may call freely, or one that is not named."""
    check_constraints(request_, ())


@pytest.mark.parametrize(
    "more",
    [{"tool_choice": "required"}, {"parallel_tool_calls": False}, {"tool_choice": {"type": "any"}}],
)
def test_tools_that_are_compiled_together(more: dict[str, Any]) -> None:
    """Their number and names are limited: the engine compiles combinations of the names."""
    tools = [chat_tool(f"f{at}", {}) for at in range(MOST_TOOLS)]
    check_constraints({"tools": tools, **more}, ())

    assert refusal({"tools": [*tools, chat_tool("f", {})], **more}).param == "tools"
    long = [chat_tool("f" * (LONGEST_NAME + 1), {})]
    assert "name" in refusal({"tools": long, **more}).message


@pytest.mark.parametrize(
    ("pattern", "weight"),
    [
        ("", 1),
        (r"\d{4}-\d{2}", 1),
        ("[a-z]{2,9}", 11),
        (r"[\w ]{9}", 37),
        ("[a-z]{2}{3}", 9),
        ("([a-z]?){12}", 72),
        (".?.?", 21),
        ("))a{3}(((", 1),
    ],
)
def test_the_weight_of_a_pattern(pattern: str, weight: int) -> None:
    """Counts multiply the weight, and so do parts of variable length."""
    assert weight_of_pattern(pattern) == weight
