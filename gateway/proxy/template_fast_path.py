"""Chunks that differ from the one before in their text only, which is nearly every chunk."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.http import sse
from gateway.proxy import openai_json

KEYS = (b'"content":"', b'"text":"')
PROBE = "a probe"


class TemplateFastPath:
    """The bytes around the text of an event: what comes between the same ones again is a text."""

    __slots__ = ("_after", "_before", "_least")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after
        self._least = len(before) + len(after)

    @classmethod
    def of(cls, event: bytes, chunk: Mapping[str, Any], text: str) -> "TemplateFastPath | None":
        """What to expect after an event whose only choice says `text`; None where that cannot be
        told from its bytes for sure."""
        if not is_plain(raw := text.encode(errors="replace")):
            return None
        for key in KEYS:
            before, found, after = event.partition(key + raw + b'"')
            if found:
                repeat = cls(before + key, b'"' + after)
                return repeat if repeat._is_right(chunk, text) else None
        return None

    def text(self, event: bytes) -> bytes:
        """The text of an event that says it as the one before did; empty for any other."""
        if (
            len(event) <= self._least
            or not event.startswith(self._before)
            or not event.endswith(self._after)
        ):
            return b""
        text = event[len(self._before) : -len(self._after)]
        return text if is_plain(text) else b""

    def _is_right(self, chunk: Mapping[str, Any], text: str) -> bool:
        """Whether another text in that place is the text of the choice, and changes no more."""
        probe = openai_json.parse(sse.payload(self._before + PROBE.encode() + self._after))
        (choice,) = openai_json.choices_of(probe)
        if openai_json.message_of(choice).get("content") != PROBE:
            return False
        back = orjson.dumps(probe).replace(f'"{PROBE}"'.encode(), orjson.dumps(text))
        return back == orjson.dumps(chunk)


def is_plain(text: bytes) -> bool:
    """Whether a text stands in JSON as it is, and holds no beginning of a Harmony marker."""
    if not text or b'"' in text or b"\\" in text or b"<" in text:
        return False
    try:
        return text.decode().isprintable()
    except UnicodeDecodeError:
        return False
