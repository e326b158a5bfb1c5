"""Server-sent events as bytes: split a byte stream into events, and write events."""

import re
from collections.abc import Mapping
from itertools import pairwise

import orjson

from gateway.errors import EngineGarbled

DONE = b"data: [DONE]\n\n"
MEDIA_TYPE = b"text/event-stream; charset=utf-8"
LARGEST_EVENT_BYTES = 4 * 1024 * 1024
LONGEST_BLANK = 4  # CR LF CR LF
MOST_LINES = 50_000  # of an event: splitting them takes 2 ms
SMALL_EVENT_BYTES = 32  # an event with a token has a hundred
MOST_SMALL_EVENTS = 256  # in one read: each costs 4 us

# An empty line, in every mix of line ends that the specification allows. str.splitlines() would
# also split at U+2028 and U+0085, which are no line ends in SSE.
# A CR after a line feed needs one more byte: it may be the first half of a CR LF.
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\r\n|\n\n|\r\r|\n\r(?=[^\n])")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # readers skip one before the first event


class EventBuffer:
    """Collects bytes as they arrive and returns whole events, byte for byte as they were sent."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """Size of the incomplete event."""
        return len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the events that are complete now, with their terminators.

        Raises EngineGarbled for an event that is too large, and for too many without text.
        """
        if self._tail or b"\r" in data:
            events = self._split(data)
        else:  # nearly always
            *whole, rest = data.split(b"\n\n")
            events = [event + b"\n\n" for event in whole]
            self._tail += rest
        if len(self._tail) > LARGEST_EVENT_BYTES:
            raise EngineGarbled(
                f"The engine's event exceeded {LARGEST_EVENT_BYTES // 2**20} MiB; try again."
            )
        if len(events) > MOST_SMALL_EVENTS + len(data) // SMALL_EVENT_BYTES:
            raise EngineGarbled("The engine sends events without text; try again.")
        return events

    def _split(self, data: bytes) -> list[bytes]:
        """Search for terminators only in the new bytes: a long event in small reads would otherwise
        take quadratic time."""
        seen = max(0, len(self._tail) - LONGEST_BLANK + 1)
        self._tail += data
        ends = [blank.end() for blank in _BLANK_LINE.finditer(self._tail, seen)]
        with memoryview(self._tail) as tail:
            events = [bytes(tail[a:b]) for a, b in pairwise((0, *ends))]
        if ends:
            del self._tail[: ends[-1]]
        return events


def payload(event: bytes) -> bytes:
    """Return the joined `data:` lines of an event; empty for a comment."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]
    if event.count(b"\n") + event.count(b"\r") > MOST_LINES:
        raise EngineGarbled(f"The engine's event has more than {MOST_LINES:,} lines; try again.")
    if event.startswith(BYTE_ORDER_MARK):
        raise EngineGarbled("The engine's stream begins with a byte order mark.")
    # bytes.splitlines() splits at the line ends of SSE only.
    lines = [line for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)


def encode(event: Mapping[str, object]) -> bytes:
    """Return a data-only event."""
    return b"data: " + orjson.dumps(event) + b"\n\n"


def named(kind: str, event: Mapping[str, object]) -> bytes:
    """Return an event with a name, as the Responses API uses them."""
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n"


def data_only(content: bytes) -> bytes:
    """Return a data-only event of JSON text, which may have several lines."""
    return b"data: " + content.replace(b"\n", b"\ndata: ") + b"\n\n"
