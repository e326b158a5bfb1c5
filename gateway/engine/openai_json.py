"""JSON of vLLM's OpenAI API: read a few fields, add keys without rewriting the rest."""

import json
import re
from contextlib import suppress

import orjson
from pydantic import TypeAdapter, ValidationError

from gateway.api.json_structure import MOST_CONTAINERS, MOST_VALUES, holds_too_much
from gateway.api.request_policy import MOST_CHOICES
from gateway.errors import EngineGarbled, EngineRejected, InvalidRequest
from gateway.http import sse
from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.runtime.json_types import Json

LABEL = "mmhie"
LAX_BOOL = TypeAdapter(bool)
EMPTY = re.compile(rb"\s*\{\s*\}")
LONG_NUMBER = re.compile(rb"[\[,:]\s*+-?\d{19}")
OPENINGS = {
    name: re.compile(rb'"%b"\s*:\s*\{\s*' % name.encode()) for name in ("response", "message")
}


def parse_request(body: bytes) -> Json:
    """Return the JSON object in a caller's body; raise InvalidRequest."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest(
            "The request body is not valid JSON in UTF-8, or is nested too deep; send an object."
        ) from None
    if not isinstance(parsed, dict):
        raise InvalidRequest("The request body is not a JSON object; send one.")
    return parsed


def parse(content: bytes, *, most_values: int = MOST_VALUES) -> Json:
    """Return a JSON object of the engine, of at most 4 MiB; raise EngineGarbled. Parsing blocks all
    threads: these limits allow 30 ms."""
    if len(content) > HEAVY_BYTES and holds_too_much(content, most_values):
        raise EngineGarbled(
            f"The engine's answer has over {MOST_CONTAINERS:,} lists and objects, or "
            f"{MOST_VALUES:,} values; ask for fewer log probabilities, or stream."
        )
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise EngineGarbled("The engine's answer is not JSON.") from None
    if not isinstance(parsed, dict):
        raise EngineGarbled("The engine's answer is not a JSON object.")
    return parsed


def check_object(content: bytes) -> None:
    """Raise EngineGarbled for what is surely no JSON object, such as a web server's page."""
    if not (content.lstrip().startswith(b"{") and content.rstrip().endswith(b"}")):
        raise EngineGarbled("The engine's answer is not a JSON object.")


def parse_chunk(content: bytes) -> Json:
    """Return one chunk; raise EngineGarbled, or EngineRejected for an error object."""
    chunk = parse(content)
    if chunk.get("error"):
        raise EngineRejected("The engine failed while it was answering; try again.")
    return chunk


def read_choices(answer: Json) -> list[Json]:
    """Return the choices of an answer or a chunk, perhaps none; raise EngineGarbled."""
    choices = answer.get("choices") or []
    if not isinstance(choices, list) or not all(map(is_choice, choices[:MOST_CHOICES])):
        raise EngineGarbled("The engine's `choices` are not a list of choices.")
    if len(choices) > MOST_CHOICES:
        raise too_many_choices()
    return choices


def too_many_choices() -> EngineGarbled:
    return EngineGarbled("The engine sends more choices than one may ask for; try again.")


def is_choice(choice: object) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("index", 0), int)


def read_message(choice: Json) -> Json:
    """Return the message or delta of a choice; raise EngineGarbled."""
    message = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
    if not isinstance(message, dict) or not isinstance(message.get("content", ""), str | None):
        raise EngineGarbled("The engine's message has a content that is not text.")
    return message


def has_tokens(choice: Json) -> bool:
    """Return whether a choice has text, reasoning or part of a tool call: at least one token."""
    return any({**read_message(choice), "role": None}.values())


def text_in(holder: Json, name: str) -> str:
    """Return the text under a name, empty if missing; raise EngineGarbled."""
    text = holder.get(name) or ""
    if not isinstance(text, str):
        raise EngineGarbled("The engine's event has a text that is not a string.")
    return text


def read_usage(answer: Json) -> Json | None:
    """Return the token counts of an answer or a chunk, if it has them."""
    usage = answer.get("usage")
    return usage if isinstance(usage, dict) and usage else None


def append(document: bytes, additions: Json) -> bytes:
    """Add keys at the end of a JSON object; its other bytes stay the same."""
    if not additions:
        return document
    end = document.rindex(b"}")
    comma = b"" if EMPTY.match(document) else b","
    added = orjson.dumps(additions)[1:-1]
    return b"".join((memoryview(document)[:end], comma, added, document[end:]))


def remove_label(holder: Json) -> Json:
    """Remove a label of the engine's own; return the same object if there is none."""
    if LABEL not in holder:
        return holder
    return {name: value for name, value in holder.items() if name != LABEL}


def is_labelled(event: bytes) -> bool:
    """Return whether an event may have a label: inside a text its quotes would be escaped. Its
    letters may be, too (`\\u006dmhie`), which nobody does in a text."""
    return b'"mmhie"' in event or b"\\u006" in event


def remove_labels(event: bytes, name: str = "") -> bytes:
    """Remove labels of the engine from an event, also from its `name` object; return the same event
    if there is none."""
    if not is_labelled(event):
        return event
    body = remove_label(parse(sse.payload(event)))
    if isinstance(body.get(name), dict):
        body = {**body, name: remove_label(body[name])}
    return sse.named(str(body.get("type")), body) if name else sse.encode(body)


def request_with(body: bytes, parsed: Json, additions: Json) -> bytes:
    """Set keys of a request body: append them, or rewrite the body if it has some already."""
    if any(name in parsed for name in additions):
        return rewrite(body, parsed, additions)
    return append(body, additions)


def rewrite(body: bytes, parsed: Json, additions: Json) -> bytes:
    """Return a request body with other values for some keys.

    Integers over 64 bits, which orjson reads as floats, stay unchanged up to `HEAVY_BYTES`: the
    engine judges them. Python's parser would take 120 ms for 2 MB, in which no thread runs.
    """
    if len(body) > HEAVY_BYTES or not LONG_NUMBER.search(body):
        with suppress(TypeError):  # orjson writes no more than 254 levels
            return orjson.dumps({**parsed, **additions})
    try:
        whole = {**json.loads(body), **additions}
        return json.dumps(whole, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # thousands of digits, or a float out of range
        return orjson.dumps({**parsed, **additions})


def is_true(value: object) -> bool:
    """Read a boolean as vLLM does, which accepts "true", 1 and "yes"; False for other values."""
    if value is None or isinstance(value, bool):  # nearly always
        return bool(value)
    try:
        return LAX_BOOL.validate_python(value)
    except ValidationError:
        return False


def with_usage(parsed: Json) -> Json:
    """Return fields that request token counts at the end of a stream; none if the caller requests
    them.

    `continuous_usage_stats` would put counts on every chunk: it is switched off for a caller who
    did not request counts.
    """
    options = parsed.get("stream_options")
    options = {} if options is None else options  # vLLM refuses other types
    if not isinstance(options, dict) or is_true(options.get("include_usage")):
        return {}
    wanted = {**options, "include_usage": True}
    if options.get("continuous_usage_stats"):
        wanted["continuous_usage_stats"] = False
    return {"stream_options": wanted}


def insert(name: str, event: bytes, additions: Json) -> bytes:
    """Add keys at the front of an event's `response` or `message` object."""
    opening = OPENINGS[name].search(event)  # inside a text its quotes would be escaped
    if opening is None:
        raise EngineGarbled(f"The engine's event lacks its `{name}`.")
    at = opening.end()
    comma = b"" if event.startswith(b"}", at) else b","
    return b"".join((event[:at], orjson.dumps(additions)[1:-1], comma, event[at:]))
