"""Changes the gateway may make in the engine's output, taken out again: the rest must be equal."""

import json
import re
from typing import Any

# Made up anew for every answer: clocks and random ids.
FRESH = (
    (re.compile(rb'"created(_at)?":\d+'), rb'"created\1":0'),
    (
        re.compile(rb'"((?:resp|msg|chatcmpl|cmpl|call|rs|fc)[-_][\w-]*?)[0-9a-f]{16,32}"'),
        rb'"\1x"',
    ),
)


def settled(data: bytes) -> bytes:
    """An answer without what differs between any two."""
    for pattern, same in FRESH:
        data = pattern.sub(same, data)
    return data


def frames(body: bytes) -> list[bytes]:
    """The events of a stream as bytes, each with its terminator."""
    return [word + b"\n\n" for word in body.split(b"\n\n")[:-1]]


def plain(frame: bytes) -> Any:
    """One event with the documented addition taken out; names keep their order."""
    name, _, data = frame.strip().rpartition(b"data: ")
    return name, ordered(stripped(json.loads(data))) if data.startswith(b"{") else data


def stripped(value: dict[str, Any]) -> dict[str, Any]:
    """A document without `mmhie`, at the top or inside `response` or `message`."""
    value.pop("mmhie", None)
    for name in ("response", "message"):
        if isinstance(value.get(name), dict):
            value[name].pop("mmhie", None)
    return value


def ordered(value: Any) -> str:
    """JSON text, in which the order of names counts."""
    return json.dumps(value)


def changed(sent: list[bytes], got: list[bytes]) -> list[bytes]:
    """The events that did not come through byte for byte."""
    return [after for before, after in zip(sent, got, strict=True) if before != after]
