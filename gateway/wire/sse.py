"""Server-sent events as bytes: whole events out of any split, and one way to write them."""

import re
from collections.abc import Mapping

import orjson

from gateway.errors import EngineGarbled

DONE = b"data: [DONE]\n\n"
MEDIA_TYPE = b"text/event-stream; charset=utf-8"
LARGEST_EVENT_BYTES = 8 * 1024 * 1024

# An empty line, in every mix of line ends the specification allows. Never str.splitlines():
# model text may hold U+2028 and U+0085, which are line ends to Python and not to SSE.
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\r\n|\n\n|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventBuffer:
    """Bytes in, whole events out, wherever TCP cut them; each keeps its own bytes."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The events that are whole now, terminators included; raises EngineGarbled on a giant."""
        if self._tail:
            data = self._tail + data
        elif data.endswith(b"\n\n") and data.find(b"\n\n") == len(data) - 2:
            return [data]
        return self._split(data)

    def _split(self, data: bytes) -> list[bytes]:
        events, start = [], 0
        for blank in _BLANK_LINE.finditer(data):
            events.append(data[start : blank.end()])
            start = blank.end()
        self._tail = data[start:]
        if len(self._tail) > LARGEST_EVENT_BYTES:
            raise EngineGarbled("The engine sent an event without end.")
        return events

    @property
    def pending(self) -> bool:
        """Whether part of an event is still waiting for its end."""
        return bool(self._tail.strip())


def payload(event: bytes) -> bytes:
    """The joined `data:` lines of one event; empty for a comment."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2:
        return event[6:-2]
    lines = [line for line in _LINE_END.split(event) if line.startswith(b"data:")]
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)


def encode(event: Mapping[str, object]) -> bytes:
    """One data-only event."""
    return b"data: " + orjson.dumps(event) + b"\n\n"
