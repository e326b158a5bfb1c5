"""JSON of vLLM's OpenAI API: read what is needed, add without rewriting the rest."""

import json
import re
from contextlib import suppress

import orjson
from pydantic import TypeAdapter, ValidationError

from gateway.api.json_structure import MOST_CONTAINERS, MOST_VALUES, holds_too_much
from gateway.errors import EngineGarbled, EngineRejected, InvalidRequest
from gateway.http import sse
from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.runtime.json_types import Json

LABEL = "mmhie"
LARGEST_PARSED_BYTES = 20 * 1024 * 1024  # 16 answers of 131,072 tokens in Japanese are 12 MiB
LAX_BOOL = TypeAdapter(bool)
EMPTY = re.compile(rb"\s*\{\s*\}")
LONG_NUMBER = re.compile(rb"[\[,:]\s*+-?\d{19}")
WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
OPENINGS = {
    name: re.compile(rb'"%b"\s*:\s*\{\s*' % name.encode()) for name in ("response", "message")
}


def parse_request(body: bytes) -> Json:
    """The JSON object in a caller's body; raises InvalidRequest."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest(
            "The request body is not valid JSON in UTF-8, or is nested too deep; send an object."
        ) from None
    if not isinstance(parsed, dict):
        raise InvalidRequest("The request body is not a JSON object; send one.")
    return parsed


def parse(content: bytes) -> Json:
    """A JSON object of the engine's; raises EngineGarbled."""
    if len(content) > HEAVY_BYTES:
        check_size(content)
    return parse_page(content)


def parse_page(content: bytes) -> Json:
    """The same of a page that may have every token of a long prompt."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise EngineGarbled("The engine's answer is not JSON.") from None
    if not isinstance(parsed, dict):
        raise EngineGarbled("The engine's answer is not a JSON object.")
    return parsed


def check_size(content: bytes) -> None:
    """Raise EngineGarbled for what would take too long to parse: meanwhile no thread of this
    process does anything else."""
    if len(content) > LARGEST_PARSED_BYTES or holds_too_much(content):
        raise EngineGarbled(
            f"The engine's answer exceeded {LARGEST_PARSED_BYTES // 2**20} MiB beside its log "
            f"probabilities, or {MOST_CONTAINERS:,} lists and objects, or {MOST_VALUES:,} values; "
            "ask for less at once."
        )


def parse_chunk(content: bytes) -> Json:
    """One chunk; raises EngineGarbled, or EngineRejected for an error object in its place."""
    chunk = parse(content)
    if chunk.get("error"):
        raise EngineRejected("The engine failed while it was answering; try again.")
    return chunk


def choices_of(answer: Json) -> list[Json]:
    """The choices of an answer or a chunk, perhaps none; raises EngineGarbled."""
    choices = answer.get("choices") or []
    if not isinstance(choices, list) or not all(map(is_choice, choices)):
        raise EngineGarbled("The engine's `choices` are not a list of choices.")
    return choices


def is_choice(choice: object) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("index", 0), int)


def message_of(choice: Json) -> Json:
    """The message or delta of a choice; raises EngineGarbled."""
    message = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
    if not isinstance(message, dict) or not isinstance(message.get("content", ""), str | None):
        raise EngineGarbled("The engine's message has a content that is not text.")
    return message


def says_something(choice: Json) -> bool:
    """Return whether a chunk's choice carries a token: text, reasoning or part of a tool call."""
    return any({**message_of(choice), "role": None}.values())


def text_in(holder: Json, name: str) -> str:
    """The text under a name, empty where there is none; raises EngineGarbled."""
    text = holder.get(name) or ""
    if not isinstance(text, str):
        raise EngineGarbled("The engine's event has a text that is not a string.")
    return text


def usage_of(answer: Json) -> Json | None:
    """The token counts of an answer or a chunk that has them."""
    usage = answer.get("usage")
    return usage if isinstance(usage, dict) and usage else None


def append(document: bytes, additions: Json) -> bytes:
    """A JSON object with keys added at its end, its other bytes as they were."""
    if not additions:
        return document
    end = document.rindex(b"}")
    comma = b"" if EMPTY.match(document) else b","
    added = orjson.dumps(additions)[1:-1]
    return b"".join((memoryview(document)[:end], comma, added, document[end:]))


def unlabelled(holder: Json) -> Json:
    """An object of the engine's without a label, which is ours to give; the same where none is."""
    if LABEL not in holder:
        return holder
    return {name: value for name, value in holder.items() if name != LABEL}


def is_labelled(event: bytes) -> bool:
    """Return whether an event may have a label: in text its quotes would be escaped."""
    return b'"mmhie"' in event


def unlabelled_event(event: bytes, name: str = "") -> bytes:
    """An event without a label, in its `name` object either; the same where none is."""
    if not is_labelled(event):
        return event
    body = unlabelled(parse(sse.payload(event)))
    if isinstance(body.get(name), dict):
        body = {**body, name: unlabelled(body[name])}
    return sse.named(str(body.get("type")), body) if name else sse.encode(body)


def request_with(body: bytes, parsed: Json, additions: Json) -> bytes:
    """A request body with keys set: appended, or rewritten where the caller set them too."""
    if any(name in parsed for name in additions):
        return rewritten(body, parsed, additions)
    return append(body, additions)


def rewritten(body: bytes, parsed: Json, additions: Json) -> bytes:
    """A request body with other values for some of its keys. Integers of over 64 bits, which orjson
    reads as floats, stay what they are: the engine judges them."""
    if not LONG_NUMBER.search(body):
        with suppress(TypeError):  # orjson writes no more than 254 levels
            return orjson.dumps({**parsed, **additions})
    try:
        whole = {**json.loads(body), **additions}
        return "".join(WRITER.iterencode(whole)).encode()  # in Python: other threads go on
    except ValueError:  # thousands of digits, or a float beyond all
        return orjson.dumps({**parsed, **additions})


def is_true(value: object) -> bool:
    """Read true or false as vLLM does, which takes `"true"`, 1 and "yes", too; False for what it
    refuses."""
    if value is None or isinstance(value, bool):  # nearly always
        return bool(value)
    try:
        return LAX_BOOL.validate_python(value)
    except ValidationError:
        return False


def with_usage(parsed: Json) -> Json:
    """Fields that ask for token counts at the end of a stream; empty where the caller did.

    With counts asked for, vLLM puts them on every chunk too when `continuous_usage_stats` says so:
    where the caller gets no counts, it is switched off.
    """
    options = parsed.get("stream_options")
    options = {} if options is None else options  # a list is vLLM's to refuse
    if not isinstance(options, dict) or is_true(options.get("include_usage")):
        return {}
    asked = {**options, "include_usage": True}
    if options.get("continuous_usage_stats"):
        asked["continuous_usage_stats"] = False
    return {"stream_options": asked}


def inside(name: str, event: bytes, additions: Json) -> bytes:
    """An event with keys added at the front of its `response` or `message` object."""
    opening = OPENINGS[name].search(event)  # in text its quotes would be escaped
    if opening is None:
        raise EngineGarbled(f"The engine's event lacks its `{name}`.")
    at = opening.end()
    comma = b"" if event.startswith(b"}", at) else b","
    return b"".join((event[:at], orjson.dumps(additions)[1:-1], comma, event[at:]))
