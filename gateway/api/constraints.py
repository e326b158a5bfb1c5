"""The constraints of a request: what the engine compiles of its formats and tools.

A pattern, grammar or structural tag that stands alone is tried on the whole vocabulary before each
token, for all requests together: `(.?.?.?)*` takes 12 s a token. It needs the scope `patterns`.
JSON schemas and lists of choices are compiled once, and have limits.
"""

from collections.abc import Collection, Iterator

import orjson

from gateway.api.schema_limits import check_schemas
from gateway.errors import Forbidden, InvalidRequest
from gateway.runtime.json_types import Json

# vLLM 0.32 ignores `guided_*`; engines before it and beside it do not.
ALONE = ("guided_regex", "guided_grammar", "guided_whitespace_pattern", "regex", "ebnf")
ALONE_IN_OUTPUTS = ("regex", "grammar", "structural_tag", "whitespace_pattern")
ALONE_TYPES = ("structural_tag", "regex", "grammar", "ebnf")
FORMAT_HOLDERS = ("text", "output_config")
CONSTRAINTS = frozenset(
    ("response_format", "structured_outputs", *FORMAT_HOLDERS, "tools", "guided_json")
) | {"guided_choice", *ALONE}
# gpt-oss's tools are compiled in twelve spellings, each beside each: 64 take 1.8 s.
MOST_TOOLS = 48
LONGEST_NAME = 64
FREE = (None, "auto")
NAMING = ("function", "custom", "tool")


def check_constraints(request: Json, scopes: Collection[str]) -> None:
    """Raise Forbidden for what stands alone without the scope, and InvalidRequest for schemas and
    tools that take too long to compile."""
    field = standing_alone(request)
    if field is not None and "patterns" not in scopes:
        raise Forbidden(
            f"{field} has a regex, grammar or structural tag that stands alone, which needs a key "
            "with the scope `patterns`: ask the operator for it, or send a JSON schema.",
        )
    check_schemas(schemas_of(request))


def standing_alone(request: Json) -> str | None:
    """Return the field that has a pattern, a grammar or a structural tag; None without any."""
    for name in ALONE:
        if request.get(name) is not None:
            return name
    outputs = as_object(request.get("structured_outputs"))
    if any(outputs.get(name) is not None for name in ALONE_IN_OUTPUTS):
        return "structured_outputs"
    alone = (field for field, form in formats_of(request) if form.get("type") in ALONE_TYPES)
    return next(alone, None)


def as_object(value: object) -> Json:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def formats_of(request: Json) -> Iterator[tuple[str, Json]]:
    """Yield the formats of an answer, by the field that has them."""
    yield "response_format", as_object(request.get("response_format"))
    for name in FORMAT_HOLDERS:
        yield name, as_object(as_object(request.get(name)).get("format"))


def schemas_of(request: Json) -> Iterator[tuple[str, object]]:
    """Yield each schema that the engine compiles, by its field; choices are an enum."""
    outputs = as_object(request.get("structured_outputs"))
    yield from formats_of(request)
    yield "structured_outputs", parse_schema(outputs.get("json"))
    yield "structured_outputs", {"enum": outputs.get("choice")}
    yield "guided_json", parse_schema(request.get("guided_json"))
    yield "guided_choice", {"enum": request.get("guided_choice")}
    for tool in compiled_tools(request):
        yield "tools", tool


def parse_schema(schema: object) -> object:
    """Return a schema that may be a text; None where that is no JSON."""
    if not isinstance(schema, str):
        return schema
    try:
        return orjson.loads(schema)
    except orjson.JSONDecodeError:
        return None


def compiled_tools(request: Json) -> list[Json]:
    """Return the tools that the engine compiles; raise InvalidRequest for too many."""
    tools, choice = [*tools_in(request.get("tools"))], request.get("tool_choice")
    kind = choice.get("type", "function") if isinstance(choice, dict) else choice
    if kind == "none":
        return []
    if kind in FREE:
        strict = [tool for tool in tools if is_strict(tool)]
        if strict or is_single(request):
            check_number(tools)
        return strict
    names = names_of(as_object(choice)) if kind in NAMING else set()
    named = [tool for tool in tools if names & names_of(tool)] or tools
    check_number(named)
    return named


def tools_in(tools: object) -> Iterator[Json]:
    """Yield tools, those in a namespace, too."""
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            yield tool
            yield from tools_in(tool.get("tools"))


def check_number(tools: list[Json]) -> None:
    """Raise InvalidRequest for too many tools to compile, and for a long name."""
    if len(tools) > MOST_TOOLS:
        raise InvalidRequest(
            f"tools has more than {MOST_TOOLS} tools that the engine compiles together, because "
            "one is strict or the model must call one: send fewer, or name one in tool_choice.",
            param="tools",
        )
    if any(len(name) > LONGEST_NAME for tool in tools for name in names_of(tool)):
        raise InvalidRequest(
            f"tools has a name of more than {LONGEST_NAME} characters; shorten it.", param="tools"
        )


def names_of(tool: Json) -> set[str]:
    """Return the name of a tool, or of the one that a choice names: chat completions nest it."""
    names = (tool.get("name"), as_object(tool.get("function")).get("name"))
    return {name for name in names if isinstance(name, str)}


def is_strict(tool: Json) -> bool:
    return bool(tool.get("strict") or as_object(tool.get("function")).get("strict"))


def is_single(request: Json) -> bool:
    """Return whether one call at most is wanted, for which vLLM compiles all tools' names."""
    choice = as_object(request.get("tool_choice"))
    return request.get("parallel_tool_calls") is False or bool(
        choice.get("disable_parallel_tool_use")
    )
