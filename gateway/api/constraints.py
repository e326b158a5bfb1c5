"""The constraints of a request: formats and tools that the engine compiles.

The engine tries a standalone pattern, grammar or structural tag on its whole vocabulary before each
token, while all requests wait: `(.?.?.?)*` takes 12 s per token. It needs the scope `patterns`.
JSON schemas and lists of choices are compiled once, and have limits.
"""

from collections.abc import Collection, Iterator

import orjson

from gateway.api.schema_limits import check_schemas
from gateway.errors import Forbidden, InvalidRequest
from gateway.runtime.json_types import Json

# vLLM 0.32 ignores `guided_*`; older and other engines do not.
STANDALONE = ("guided_regex", "guided_grammar", "guided_whitespace_pattern", "regex", "ebnf")
STANDALONE_OUTPUTS = ("regex", "grammar", "structural_tag", "whitespace_pattern")
STANDALONE_TYPES = ("structural_tag", "regex", "grammar", "ebnf")
FORMAT_HOLDERS = ("text", "output_config")
CONSTRAINTS = frozenset(
    ("response_format", "structured_outputs", *FORMAT_HOLDERS, "tools", "guided_json")
) | {"guided_choice", *STANDALONE}
# Tools of gpt-oss are compiled in twelve forms and in all combinations: 64 take 1.8 s.
MOST_TOOLS = 48
LONGEST_NAME = 64
FREE = (None, "auto")
NAMING = ("function", "custom", "tool")


def check_constraints(request: Json, scopes: Collection[str]) -> None:
    """Raise Forbidden for a standalone pattern without the scope, InvalidRequest for schemas and
    tools that take too long to compile."""
    field = find_standalone(request)
    if field is not None and "patterns" not in scopes:
        raise Forbidden(
            f"{field} has a regex, grammar or structural tag that stands alone, which needs a key "
            "with the scope `patterns`: ask the operator for it, or send a JSON schema.",
        )
    check_schemas(compiled_schemas(request))


def find_standalone(request: Json) -> str | None:
    """Return the field with a standalone pattern, grammar or structural tag, if any."""
    for name in STANDALONE:
        if request.get(name) is not None:
            return name
    outputs = as_object(request.get("structured_outputs"))
    if any(outputs.get(name) is not None for name in STANDALONE_OUTPUTS):
        return "structured_outputs"
    standalone = (
        field for field, form in answer_formats(request) if form.get("type") in STANDALONE_TYPES
    )
    return next(standalone, None)


def as_object(value: object) -> Json:
    """Return the value if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def answer_formats(request: Json) -> Iterator[tuple[str, Json]]:
    """Yield the requested formats of the answer, with their fields' names."""
    yield "response_format", as_object(request.get("response_format"))
    for name in FORMAT_HOLDERS:
        yield name, as_object(as_object(request.get(name)).get("format"))


def compiled_schemas(request: Json) -> Iterator[tuple[str, object]]:
    """Yield each schema that the engine compiles, with its field's name; choices are an enum."""
    outputs = as_object(request.get("structured_outputs"))
    yield from answer_formats(request)
    yield "structured_outputs", parse_schema(outputs.get("json"))
    yield "structured_outputs", {"enum": outputs.get("choice")}
    yield "guided_json", parse_schema(request.get("guided_json"))
    yield "guided_choice", {"enum": request.get("guided_choice")}
    for tool in compiled_tools(request):
        yield "tools", tool


def parse_schema(schema: object) -> object:
    """Return a schema, parsed if it is a text; None if that is not JSON."""
    if not isinstance(schema, str):
        return schema
    try:
        return orjson.loads(schema)
    except orjson.JSONDecodeError:
        return None


def compiled_tools(request: Json) -> list[Json]:
    """Return the tools that the engine compiles; raise InvalidRequest if there are too many."""
    tools, choice = [*tools_in(request.get("tools"))], request.get("tool_choice")
    kind = choice.get("type", "function") if isinstance(choice, dict) else choice
    if kind == "none":
        return []
    if kind in FREE:
        strict = [tool for tool in tools if is_strict(tool)]
        if strict or is_single(request):
            check_number(tools)
        return strict
    names = tool_names(as_object(choice)) if kind in NAMING else set()
    named = [tool for tool in tools if names & tool_names(tool)] or tools
    check_number(named)
    return named


def tools_in(tools: object) -> Iterator[Json]:
    """Yield all tools, including those in a namespace."""
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            yield tool
            yield from tools_in(tool.get("tools"))


def check_number(tools: list[Json]) -> None:
    """Raise InvalidRequest for too many tools to compile, or for a long name."""
    if len(tools) > MOST_TOOLS:
        raise InvalidRequest(
            f"tools has more than {MOST_TOOLS} tools that the engine compiles together, because "
            "one is strict or the model must call one: send fewer, or name one in tool_choice.",
            param="tools",
        )
    if any(len(name) > LONGEST_NAME for tool in tools for name in tool_names(tool)):
        raise InvalidRequest(
            f"tools has a name of more than {LONGEST_NAME} characters; shorten it.", param="tools"
        )


def tool_names(tool: Json) -> set[str]:
    """Return the name of a tool or a tool choice; chat completions nest it."""
    names = (tool.get("name"), as_object(tool.get("function")).get("name"))
    return {name for name in names if isinstance(name, str)}


def is_strict(tool: Json) -> bool:
    return bool(tool.get("strict") or as_object(tool.get("function")).get("strict"))


def is_single(request: Json) -> bool:
    """Return whether at most one call is allowed: vLLM compiles the names of all tools then."""
    choice = as_object(request.get("tool_choice"))
    return request.get("parallel_tool_calls") is False or bool(
        choice.get("disable_parallel_tool_use")
    )
