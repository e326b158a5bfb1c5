"""The weight of patterns: what takes the engine's compiler long is heavy, wherever it stands."""

import json
import time
from typing import Any

import pytest

from gateway.api.grammar_weight import PATTERN, WIDE, weight_of_pattern, weight_of_request
from gateway.api.request_policy import RequestPolicy, check
from gateway.errors import InvalidRequest

MOST = RequestPolicy().grammar_weight


def strings(*patterns: str) -> dict[str, Any]:
    names = [f"p{at}" for at in range(len(patterns))]
    fields = {
        name: {"type": "string", "pattern": pattern}
        for name, pattern in zip(names, patterns, strict=True)
    }
    return {"type": "object", "properties": fields}


def texts(*lengths: float) -> dict[str, Any]:
    fields = {
        f"t{at}": {"type": "string", "maxLength": length} for at, length in enumerate(lengths)
    }
    return {"type": "object", "properties": fields}


def in_format(schema: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}


@pytest.mark.parametrize(
    ("pattern", "weight"),
    [
        ("abc", 0),
        ("[A-Z][0-9]{2}", 3),
        ("[a-z]{1,100}", 100),
        ("[a-z]{100}", 100),
        ("[a-z]{100,}", 100),
        ("[a-z]{,100}", 100),
        ("a{2}{3}", 6),
        ("(ab|c){1,5}", 15),
        ("([a-z]{1,10}){1,10}", 100),
        (".{3}", 3 * WIDE),
        ("...", 3 * WIDE),
        (r"[\s\S]{1,9}", 9 * WIDE),
        ("[^x]{9}", 9 * WIDE),
        (r"\w{2}", 2 * WIDE),
        (r"\d{4}-\d{2}", 6),
        (r"\{1,900}", 0),
        (r"[{1,900}]", 1),
        ("x{1,900", 0),
        ("[a", 1),
        ("((((", 0),
        ("))a{3}", 3),
        ("\\", 0),
        ("", 0),
        ("a?b", 0),
        ("a?b*c?", 4),
        ("(?:ab)c", 0),
        ("(a|)(|b)", 2),
        (".*.*", 2 * WIDE + 6),
        ("x+" * 50, 2),
    ],
)
def test_a_pattern(pattern: str, weight: int) -> None:
    """Counts multiply what they repeat, groups included; letters alone weigh nothing."""
    assert weight_of_pattern(pattern) == PATTERN + weight


HEAVY: list[dict[str, Any]] = [
    in_format(strings("(a|b|c|d){1,200}[a-z]{1,500}")),
    in_format(strings("[ -~]{1,120}")),
    in_format(strings("a" * 9000)),
    in_format(strings(*["[a-z]+"] * 65)),
    in_format(strings("[\\s\\S]{1,2000}")),
    in_format({"patternProperties": {".{33}": {}}}),
    in_format({"propertyNames": {"pattern": ".{33}"}}),
    in_format({"$defs": {"a": [{"anyOf": [{"pattern": ".{33}"}]}]}}),
    in_format({"properties": {f"p{at}": {} for at in range(200)}}),
    in_format({"anyOf": [{"properties": {key: {} for key in "abcdefghijklm"}}] * 110}),
    in_format({"properties": {f"p{at}": {} for at in range(72)}, "minProperties": 9}),
    in_format({"type": "string", "format": "uri-template"} | {"x": [{"format": "email"}] * 10}),
    in_format([{"minimum": -1e300, "maximum": 1e300}] * 9),
    in_format([{"minimum": 0, "maximum": 9}] * 130),
    {"tools": [{"parameters": {"const": {"title": "x" * 130_000}}, "strict": True}]},
    {"tools": [{"parameters": {"enum": ["x" * 1000] * 130}, "strict": True}]},
    {"structured_outputs": {"regex": "a?" * 17}},
    {"structured_outputs": {"regex": "x(y|z)1|" * 3300}},
    {"structured_outputs": {"regex": ".{33}"}},
    {"structured_outputs": {"grammar": "root ::= [^x]{1,33}"}},
    {"structured_outputs": {"json": json.dumps(strings(".{33}"))}},
    {"text": {"format": {"type": "json_schema", "schema": strings(".{33}")}}},
    {"output_config": {"format": {"schema": strings(".{33}")}}},
    {"tools": [{"function": {"parameters": strings(".{33}"), "strict": True}}]},
    {"tools": [{"input_schema": strings(".{33}"), "strict": True}]},
    {"tools": [{"function": {"parameters": strings(".{33}")}}], "tool_choice": "required"},
    {"tools": [{"input_schema": strings(".{33}")}], "tool_choice": {"type": "any"}},
    {"tools": [{"type": "namespace", "tools": [{"parameters": strings(".{33}"), "strict": True}]}]},
    {"tools": [{"name": "x" * 20_000, "strict": at} for at in range(2)]},
    {"tools": [{"function": {"name": f"f{at}", "strict": True}} for at in range(43)]},
    {"tools": [{"name": f"f{at}", "strict": not at} for at in range(128)]},
    {"structured_outputs": {"regex": "(.?)*"}},
    {"structured_outputs": {"json": {}, "whitespace_pattern": "(.?)*"}},
    {"structured_outputs": {"grammar": 'root ::= "yes" | "no"'}},
    {"response_format": {"type": "structural_tag", "format": {"type": "any_text"}}},
    {"text": {"format": {"type": "structural_tag", "structures": [], "triggers": []}}},
    {"structured_outputs": {"structural_tag": "{}"}},
    # Each is light alone.
    in_format(strings("[a-z]{70}")) | {"structured_outputs": {"regex": "[a-z]{70}"}},
]
LIGHT: list[dict[str, Any]] = [
    {},
    in_format(strings("^[A-Z][0-9]{2}(\\.[0-9]{1,4})?$", "[0-9]{4}-[0-9]{2}-[0-9]{2}")),
    in_format(strings(*["[a-z]+"] * 50)),
    in_format({"type": "array", "maxItems": 10_000}),
    in_format(texts(*[200] * 50)),
    in_format(texts(*range(100, 200))),
    in_format({"type": "string", "minLength": 1, "maxLength": 1e9}),
    in_format(strings("(.?.?)*")),
    in_format({"enum": [f"value {at}" for at in range(50)]}),
    in_format({"type": "string", "maxLength": True}),
    in_format({"type": "number", "minimum": True, "maximum": "x", "format": 5}),
    in_format([{"minimum": 0, "maximum": 9.5}] * 60),
    in_format(strings(r"^\+?\d{1,3}[-. ]?\(?\d{3}\)?[-. ]?\d{3}[-. ]?\d{4}$")),
    {"tools": [{"function": {"description": "x" * 200_000}, "strict": True}]},
    in_format({"type": "string", "maxLength": "x", "pattern": 5}),
    {"tools": [{"function": {"parameters": strings(".{1,4000}")}}]},
    {"tools": "x", "tool_choice": 5},
    {"structured_outputs": {"json": "{"}},
    {"structured_outputs": {"regex": "[a-z]+(, [a-z]+)*"}},
    in_format({"const": {"type": "structural_tag", "grammar": "x", "regex": "(.?)*"}}),
    in_format(strings("^[A-Za-zÀ-ÿ' -]{1,30}$")),
    {"tools": [{"function": {"name": f"f{at}", "strict": True}} for at in range(40)]},
    {"tools": [{"name": f"f{at}"} for at in range(128)], "tool_choice": {"type": "auto"}},
]


@pytest.mark.parametrize("request_", HEAVY)
def test_what_takes_long_to_compile_is_refused(request_: dict[str, Any]) -> None:
    """In every place that the engine compiles."""
    with pytest.raises(InvalidRequest, match="MMHIE_MAX_GRAMMAR_WEIGHT"):
        check(json.dumps(request_).encode(), request_, RequestPolicy())


@pytest.mark.parametrize("request_", LIGHT)
def test_what_compiles_at_once_is_taken(request_: dict[str, Any]) -> None:
    """Tools that the model may call freely are not compiled at all."""
    check(json.dumps(request_).encode(), request_, RequestPolicy())


@pytest.mark.parametrize("piece", ["[", "(", "\\", "{", "{1,2}", "[a-z]{9}", "a{", "[^"])
def test_the_work_is_bounded(piece: str) -> None:
    """The longest pattern that a request may have takes no longer to weigh than to send."""
    before = time.thread_time()
    weight_of_pattern(piece * (65_536 // len(piece)))

    assert time.thread_time() - before < 1


def test_the_limit_can_be_raised() -> None:
    """For an engine whose compiler is faster."""
    heavy = {"structured_outputs": {"grammar": 'root ::= "yes" | "no"'}}

    weight = weight_of_request(heavy, 10_000)
    assert weight > MOST
    check(b"", heavy, RequestPolicy(grammar_weight=weight))
