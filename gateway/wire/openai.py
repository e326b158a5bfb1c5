"""Bytes of vLLM's OpenAI API: read what is needed, add without rewriting the rest."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import EngineGarbled


def append(document: bytes, additions: Mapping[str, Any]) -> bytes:
    """A JSON object with keys added at its end, its other bytes as they were."""
    if not additions:
        return document
    end = document.rindex(b"}")
    comma = b"" if document[:end].rstrip().endswith(b"{") else b","
    return b"".join((document[:end], comma, orjson.dumps(additions)[1:-1], document[end:]))


def request_with(body: bytes, parsed: Mapping[str, Any], additions: Mapping[str, Any]) -> bytes:
    """A request body with keys set: appended, or rewritten where the caller set them too."""
    if any(name in parsed for name in additions):
        return orjson.dumps({**parsed, **additions})
    return append(body, additions)


def with_usage(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """What asks the engine for token counts on a stream; empty where it would change the answer.

    vLLM moves `system_fingerprint` from the finishing chunk of each choice to the usage chunk:
    with one choice it can be moved back, with several the counts are done without.
    """
    options = parsed.get("stream_options") or {}
    prompt = parsed.get("prompt")
    several = parsed.get("n") not in (None, 1) or (
        isinstance(prompt, list) and bool(prompt) and not isinstance(prompt[0], int)
    )
    if several or not isinstance(options, dict) or options.get("include_usage"):
        return {}
    return {"stream_options": {**options, "include_usage": True}}


def inside_response(event: bytes, additions: Mapping[str, Any]) -> bytes:
    """A Responses API event with keys added at the front of its `response` object."""
    opening = b'"response":{'
    at = event.find(opening)
    if at < 0:
        raise EngineGarbled("The engine sent an event without its response.")
    at += len(opening)
    return b"".join((event[:at], orjson.dumps(additions)[1:-1], b",", event[at:]))
