"""Limits on the JSON schemas that the engine compiles for one request.

vLLM compiles a schema without a time limit, while other requests wait. LIMITS has each limit with
its reason. The figures are processor time of xgrammar 0.2.9 with a vocabulary of 200,000 tokens,
over eight threads. Schemas within the limits take a second, three in the worst case found.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.api.pattern_weight import weight_of_pattern
from gateway.errors import InvalidRequest
from gateway.runtime.json_types import Json


@dataclass(frozen=True, slots=True)
class Limit:
    """The highest allowed number of something, and the advice for more."""

    most: int
    what: str
    remedy: str


LIMITS: Mapping[str, Limit] = {
    # Of one schema, object or pattern.
    # The engine's stack; vLLM refuses more than 64 levels.
    "depth": Limit(48, "levels of nesting", "move inner schemas into $defs"),
    # Older xgrammars: their time grows super-exponentially (vLLM issue 54003).
    "nesting": Limit(6, "levels of anyOf, oneOf and allOf in each other", "use one level of them"),
    # They may follow each other in any order: 200 take 1.2 s.
    "optional": Limit(64, "optional properties in one object", "list more of them as required"),
    # In addition, each number of them is a case: 80 take 2.3 s.
    "counted": Limit(
        16, "properties in an object with minProperties or maxProperties", "leave the bound out"
    ),
    # Some engines expand repetitions; no answer is that long.
    "count": Limit(100_000, "repetitions (maxItems, maxLength, ...)", "lower it or leave it out"),
    # vLLM uses another compiler for them, or accepts every object.
    "patternProperties": Limit(0, "patternProperties", "use properties or additionalProperties"),
    "length": Limit(256, "characters in one pattern", "shorten it, or use enum or format"),
    # Of the whole request.
    # Each is a rule of the grammar: 1,000 take a second.
    "schemas": Limit(1000, "schemas", "use fewer properties or fewer tools"),
    # 5,000 end in vLLM's status 500.
    "properties": Limit(500, "properties", "ask for less at once"),
    "alternatives": Limit(500, "alternatives in anyOf, oneOf and allOf", "use enum, or fewer"),
    # Names and values are compiled by letters: 60,000 take 0.8 s.
    "letters": Limit(40_000, "characters of names and values", "shorten enum and const"),
    # Each is compiled separately.
    "patterns": Limit(50, "patterns", "use enum or format"),
    # `.{1,100}` takes 3 s, `(.{1,5}){1,5}` 6 s, 20 e-mail addresses 2 s, bounds 10 ms each.
    "weight": Limit(
        160,
        "units of patterns, formats and bounds (docs/limits.md)",
        "use maxLength instead of counts in a pattern, and fewer patterns and formats",
    ),
}
SUMS = frozenset(("schemas", "properties", "alternatives", "letters", "patterns", "weight"))
ALTERNATIVES = frozenset(("anyOf", "oneOf", "allOf"))
COUNTS = tuple(f"{end}{what}" for end in ("min", "max") for what in ("Items", "Length"))
OBJECT_COUNTS = ("minProperties", "maxProperties")
BOUNDS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
PROSE = frozenset(("description", "title", "$comment"))
FORMAT_WEIGHTS = {
    "email": 10,
    "hostname": 4,
    "json-pointer": 5,
    "relative-json-pointer": 5,
    "uri": 10,
    "uri-reference": 14,
    "uri-template": 40,
}


def check_schemas(schemas: Iterable[tuple[str, object]]) -> None:
    """Raise InvalidRequest for schemas that take too long to compile; each has its field's name."""
    totals: Counter[str] = Counter()
    for field, schema in schemas:
        for name, number in measures(schema):
            limit = LIMITS[name]
            totals[name] = totals[name] + number if name in SUMS else number
            if totals[name] > limit.most:
                raise InvalidRequest(
                    f"{field} has a JSON schema that takes the engine too long to compile: over "
                    f"{limit.most:,} {limit.what}; {limit.remedy}.",
                    param=field,
                )


def measures(schema: object) -> Iterator[tuple[str, int]]:
    """Yield the numbers of each object and text in a schema, by the names in LIMITS."""
    waiting: list[tuple[object, int, int]] = [(schema, 1, 0)]
    while waiting:
        value, depth, nesting = waiting.pop()
        if isinstance(value, dict):
            yield "depth", depth
            yield "nesting", nesting
            yield from measures_of_object(value)
            for name, item in value.items():
                yield "letters", len(name)
                if name not in PROSE or not isinstance(item, str):  # a $ref may point at others
                    waiting.append((item, depth + 1, nesting + (name in ALTERNATIVES)))
        elif isinstance(value, list):
            yield "letters", 1 + len(value)
            waiting += [(item, depth + 1, nesting) for item in value]
        elif isinstance(value, str):
            yield "letters", len(value)


def measures_of_object(schema: Json) -> Iterator[tuple[str, int]]:
    """Yield the numbers in the keywords of one object."""
    yield "schemas", 1
    properties, required = schema.get("properties"), schema.get("required")
    if isinstance(properties, dict):
        listed = required[: LIMITS["properties"].most] if isinstance(required, list) else []
        names = {name for name in listed if isinstance(name, str)}
        yield "properties", len(properties)
        yield "optional", len(properties) - len(names & properties.keys())
        if any(name in schema for name in OBJECT_COUNTS):
            yield "counted", len(properties)
    yield "patternProperties", int("patternProperties" in schema)
    for name in ALTERNATIVES & schema.keys():
        yield "alternatives", len(schema[name]) if isinstance(schema[name], list) else 0
    for name in (*COUNTS, *OBJECT_COUNTS):
        if isinstance(number := schema.get(name), int | float):
            yield "count", int(min(number, 10**9))
    yield from measures_of_text(schema)
    yield "weight", int(not BOUNDS.isdisjoint(schema))


def measures_of_text(schema: Json) -> Iterator[tuple[str, int]]:
    """Yield the numbers of a pattern and a format."""
    pattern, kind = schema.get("pattern"), schema.get("format")
    if isinstance(pattern, str):
        yield "length", len(pattern)
        yield "patterns", 1
        yield "weight", weight_of_pattern(pattern)
    if isinstance(kind, str):
        yield "weight", FORMAT_WEIGHTS.get(kind, 1)
