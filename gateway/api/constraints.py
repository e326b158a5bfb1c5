"""Limit the output formats and tools that a request makes the engine compile.

A standalone regex, grammar or structural tag is one outside a JSON schema. The engine matches it
against its whole vocabulary before each token, and all other requests wait: `(.?.?.?)*` takes 12 s
per token. The key therefore needs the scope `patterns`. JSON schemas and lists of choices are
compiled only once; they are limited in size.
"""

from collections.abc import Collection, Iterator

import orjson

from gateway.api.schema_limits import check_schemas
from gateway.errors import Forbidden, InvalidRequest
from gateway.runtime.json_types import Json

# vLLM 0.32 ignores `guided_*`, but older versions and other engines apply them.
STANDALONE = ("guided_regex", "guided_grammar", "guided_whitespace_pattern", "regex", "ebnf")
STANDALONE_OUTPUTS = ("regex", "grammar", "structural_tag", "whitespace_pattern")
STANDALONE_TYPES = ("structural_tag", "regex", "grammar", "ebnf")
FORMAT_PARENTS = ("text", "output_config")  # objects with the format in their field `format`
CONSTRAINTS = frozenset(
    ("response_format", "structured_outputs", *FORMAT_PARENTS, "tools", "guided_json")
) | {"guided_choice", *STANDALONE}
# For gpt-oss each tool is compiled in twelve forms and all combinations: 64 tools take 1.8 s.
MOST_TOOLS = 48
LONGEST_NAME = 64
OPTIONAL_CALL = (None, "auto")  # values of tool_choice that let the model answer without a call
NAMED_TOOL = ("function", "custom", "tool")  # types of a tool_choice that names a tool


def check_constraints(request: Json, scopes: Collection[str]) -> None:
    """Raise Forbidden for a standalone pattern without the scope `patterns`, InvalidRequest for
    schemas and tools that take too long to compile."""
    field = find_standalone(request)
    if field is not None and "patterns" not in scopes:
        raise Forbidden(
            f"{field} has a regex, grammar or structural tag that stands alone, which needs a key "
            "with the scope `patterns`: ask the operator for it, or send a JSON schema.",
        )
    check_schemas(find_schemas(request))


def find_standalone(request: Json) -> str | None:
    """Return the name of the first field with a standalone regex, grammar or structural tag."""
    for name in STANDALONE:
        if request.get(name) is not None:
            return name
    outputs = as_object(request.get("structured_outputs"))
    if any(outputs.get(name) is not None for name in STANDALONE_OUTPUTS):
        return "structured_outputs"
    standalone = (
        field for field, form in find_formats(request) if form.get("type") in STANDALONE_TYPES
    )
    return next(standalone, None)


def as_object(value: object) -> Json:
    """Return the value if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def find_formats(request: Json) -> Iterator[tuple[str, Json]]:
    """Yield the name of each field that may set the answer's format, with that format."""
    yield "response_format", as_object(request.get("response_format"))
    for name in FORMAT_PARENTS:
        yield name, as_object(as_object(request.get(name)).get("format"))


def find_schemas(request: Json) -> Iterator[tuple[str, object]]:
    """Yield the field and the content of each schema that the engine compiles.

    A list of choices is yielded as a schema with `enum`.
    """
    outputs = as_object(request.get("structured_outputs"))
    yield from find_formats(request)
    yield "structured_outputs", parse_schema(outputs.get("json"))
    yield "structured_outputs", {"enum": outputs.get("choice")}
    yield "guided_json", parse_schema(request.get("guided_json"))
    yield "guided_choice", {"enum": request.get("guided_choice")}
    for tool in select_compiled_tools(request):
        yield "tools", tool


def parse_schema(schema: object) -> object:
    """Parse a schema that was sent as a string; return None if it is not JSON."""
    if not isinstance(schema, str):
        return schema
    try:
        return orjson.loads(schema)
    except orjson.JSONDecodeError:
        return None


def select_compiled_tools(request: Json) -> list[Json]:
    """Return the tools that the engine compiles; raise InvalidRequest if they exceed the limits."""
    tools, choice = [*flatten_tools(request.get("tools"))], request.get("tool_choice")
    kind = choice.get("type", "function") if isinstance(choice, dict) else choice
    if kind == "none":
        return []
    if kind in OPTIONAL_CALL:
        strict = [tool for tool in tools if is_strict(tool)]
        if strict or disables_parallel_calls(request):
            check_tool_limits(tools)
        return strict
    names = get_names(as_object(choice)) if kind in NAMED_TOOL else set()
    named = [tool for tool in tools if names & get_names(tool)] or tools
    check_tool_limits(named)
    return named


def flatten_tools(tools: object) -> Iterator[Json]:
    """Yield all tools, including those nested in a namespace."""
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            yield tool
            yield from flatten_tools(tool.get("tools"))


def check_tool_limits(tools: list[Json]) -> None:
    """Raise InvalidRequest if there are too many tools to compile, or a name is too long."""
    if len(tools) > MOST_TOOLS:
        raise InvalidRequest(
            f"tools has more than {MOST_TOOLS} tools that the engine compiles together, because "
            "one is strict or the model must call one: send fewer, or name one in tool_choice.",
            param="tools",
        )
    if any(len(name) > LONGEST_NAME for tool in tools for name in get_names(tool)):
        raise InvalidRequest(
            f"tools has a name of more than {LONGEST_NAME} characters; shorten it.", param="tools"
        )


def get_names(tool: Json) -> set[str]:
    """Return the names in a tool or tool_choice, which chat completions nest in `function`."""
    names = (tool.get("name"), as_object(tool.get("function")).get("name"))
    return {name for name in names if isinstance(name, str)}


def is_strict(tool: Json) -> bool:
    return bool(tool.get("strict") or as_object(tool.get("function")).get("strict"))


def disables_parallel_calls(request: Json) -> bool:
    """Return whether parallel tool calls are disabled: vLLM then compiles all tools' names."""
    choice = as_object(request.get("tool_choice"))
    return request.get("parallel_tool_calls") is False or bool(
        choice.get("disable_parallel_tool_use")
    )
