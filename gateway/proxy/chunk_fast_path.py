"""The shortest way of a chunk: what differs from the one before in its text only is not parsed.

Nearly every chunk of a stream is such a one. The bytes around the text are remembered, and what
stands between the same bytes is the text: so much for an event (`text`). Where the engine's socket
has brought one event in one HTTP chunk, as it nearly always does, the same holds of the bytes with
their framing (`framed_text`), and they can leave as they came: what the caller is sent would be
the same, byte for byte, on the long way. Anything else falls back to the parser, which has missed
nothing: it stands between two chunks meanwhile.
"""

from collections.abc import Callable

import orjson

from gateway.engine import openai_json
from gateway.http import sse
from gateway.runtime.json_types import Json

# Writes an HTTP chunk that has its framing; False where it may have to wait.
WriteFramed = Callable[[bytes], bool]
# Writes an HTTP chunk of the engine's as it came, where that is right; the bytes of its body, or 0.
Framed = Callable[[bytes, WriteFramed], int]

# Where the text of a choice stands, in chat and in text completions.
TEXT_KEYS = (b'"content":"', b'"text":"')
PROBE = "a probe"
LONGEST_BYTES = 4096  # of an HTTP chunk that goes the short way; a token's has a few hundred
UNLEARNED = b"?"  # begins no HTTP chunk


class ChunkFastPath:
    """The bytes before and after the text of a chunk's only choice."""

    __slots__ = ("_after", "_before", "_framed_after", "_framed_befores", "_least")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after
        self._least = len(before) + len(after)
        self._framed_after = after + b"\r\n"
        self._framed_befores: dict[int, bytes] = {}  # by the length of the framed chunk

    @classmethod
    def of(cls, event: bytes, chunk: Json, text: str) -> "ChunkFastPath | None":
        """Return what to expect after an event whose only choice says `text`; None where its bytes
        do not show that for sure."""
        raw = text.encode(errors="replace")
        if not raw or text_said(raw) != raw:
            return None
        for key in TEXT_KEYS:
            before, marker, after = event.partition(key + raw + b'"')
            if marker:
                template = cls(before + key, b'"' + after)
                return template if template._is_right(chunk, text) else None
        return None

    def text(self, event: bytes) -> bytes:
        """Return the text of an event that fits, in UTF-8; empty for any other."""
        if (
            len(event) <= self._least
            or not event.startswith(self._before)
            or not event.endswith(self._after)
        ):
            return b""
        return text_said(event[len(self._before) : -len(self._after)])

    def framed_text(self, chunk: bytes) -> bytes:
        """The same for an event in its HTTP chunk, framed as our own server frames it."""
        before = self._framed_befores.get(len(chunk)) or self._framed_before(len(chunk))
        if not (chunk.startswith(before) and chunk.endswith(self._framed_after)):
            return b""
        return text_said(chunk[len(before) : -len(self._framed_after)])

    def _framed_before(self, length: int) -> bytes:
        """Return what a framed chunk of this length begins with."""
        framed = UNLEARNED
        for digits in (1, 2, 3):
            head = b"%x\r\n" % max(0, length - digits - 4)
            if len(head) == digits + 2 and self._least < length <= LONGEST_BYTES:
                framed = head + self._before
        self._framed_befores[min(length, LONGEST_BYTES + 1)] = framed
        return framed

    def _is_right(self, chunk: Json, text: str) -> bool:
        """Prove with a probe that another text in that place is the text of the choice, no more."""
        probe = openai_json.parse(sse.payload(self._before + PROBE.encode() + self._after))
        (choice,) = openai_json.choices_of(probe)
        if openai_json.message_of(choice).get("content") != PROBE:
            return False
        back = orjson.dumps(probe).replace(f'"{PROBE}"'.encode(), orjson.dumps(text))
        return back == orjson.dumps(chunk)


def text_said(raw: bytes) -> bytes:
    """Return what the bytes between a JSON string's quotes say, in UTF-8; empty where they are none
    such, and where they say a `<`, which may begin a Harmony marker."""
    try:
        text: str = orjson.loads(b'"%b"' % raw)
    except orjson.JSONDecodeError:
        return b""
    return b"" if "<" in text else text.encode()
