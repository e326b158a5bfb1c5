"""Time that grows with the input and no faster: each look at a caller's or an engine's text.

Each is timed at a small and a large size by the processor time of its thread. A quadratic one would
take 12 times as long again as is allowed here; copies of megabytes, which leave the processor's
caches, take half as long again as those of kilobytes.
"""

import contextlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from gateway.api import paths
from gateway.api.json_structure import is_deeper, outside_texts, pieces
from gateway.api.request_policy import DEEPEST
from gateway.api.request_text import Turn, turns_of
from gateway.engine import openai_json
from gateway.engine.errors import translate
from gateway.errors import EngineGarbled
from gateway.http import sse
from gateway.limits.memory_budget import parsed_bytes
from gateway.proxy import json_response
from gateway.proxy.chunks import ChunkRelay, decode_text
from gateway.safety import harmony
from gateway.safety.red_flags.detection import finish
from gateway.safety.red_flags.screening import Screener

pytestmark = pytest.mark.slow

DOUBLINGS = 5
LARGE = 8 * 1024 * 1024
SMALL = LARGE >> DOUBLINGS
GROWTH = 2.4  # at most, for each doubling
LOOKS = 3
KEY = b"k"
FIRST: Any = {"disclaimer": {}, "notices": [], "provenance": {"request_id": "1"}}
SCREENER = Screener.of()

# Texts that make a careless pattern try every end from every beginning.
FILLINGS: Mapping[str, str] = {
    "blanks": " ",
    "lines": "\n",
    "letters": "a",
    "quotes": '"',
    "backslashes": "\\",
    "angles": "<|",
    "markers": "<|channel|>analysis to=",
    "sentences": "No chest pain, no fever since 3 days. ",
    "echoes": ", 'input': ",
    "input values": "[input_value=",
    "emoji": "\N{GRINNING FACE}",
}


def filled(filling: str, size: int) -> str:
    """Return a text of about this many bytes."""
    return filling * (size // len(filling.encode()))


def events(one: bytes, size: int) -> bytes:
    return one * (size // len(one))


def chat(**choice: object) -> bytes:
    return sse.encode({"id": "x", "choices": [{"index": 0, "finish_reason": None, **choice}]})


def fed(data: bytes, read: int = 4096) -> None:
    """Feed an event buffer read by read."""
    buffer = sse.EventBuffer()
    for start in range(0, len(data), read):
        try:
            buffer.feed(data[start : start + read])
        except EngineGarbled:  # an event has a largest size
            return


def parted(event: bytes) -> None:
    """Return an event's payload, which has a maximum number of lines."""
    with contextlib.suppress(EngineGarbled):
        sse.payload(event)


def relay_chat(data: bytes) -> None:
    relay = ChunkRelay(FIRST, took_usage=False)
    for event in sse.EventBuffer().feed(data):
        relay.relay(event)


def guarded(text: str, piece: int = 7) -> None:
    """Run the Harmony guard piece by piece."""
    guard = harmony.HarmonyGuard()
    for start in range(0, len(text), piece):
        guard.feed(text[start : start + piece])
    guard.finish()


def labelled(text: str) -> None:
    """Label an answer with a fifth of the text: of all of it, with escapes, over 4 MiB."""
    said = text[: len(text) // 5]
    answer = {"choices": [{"index": 0, "message": {"content": said}, "finish_reason": "stop"}]}
    body = orjson.dumps(answer)
    json_response.label(body, FIRST, path="/v1/chat/completions")


def deep(body: bytes) -> None:
    is_deeper(body, DEEPEST)


def refused(text: str) -> None:
    error = {"error": {"message": text, "code": 400}}
    translate(400, orjson.dumps(error))


ON_TEXT: Mapping[str, Callable[[str], object]] = {
    "screening": lambda text: finish(SCREENER.screen([Turn("user", text)])),
    "Harmony, in pieces": guarded,
    "labelling": labelled,
    "an engine's refusal": refused,
    "nesting": lambda text: deep(orjson.dumps({"a": text})),
    "memory": lambda text: parsed_bytes(text.encode()),
    "a chunk's text": lambda text: decode_text(orjson.dumps(text)[1:-1]),
    "events": lambda text: fed(text.encode()),
    "a payload": lambda text: parted(b"data: " + text.encode() + b"\n\n"),
    "adding to JSON": lambda text: openai_json.append(b"{" + text.encode() + b"}", {"a": 1}),
}
OTHERS: Mapping[str, tuple[Callable[[int], Any], Callable[[Any], object]]] = {
    "many turns": (
        lambda size: {"messages": [{"role": "user", "content": "a"}] * (size // 32)},
        lambda request: turns_of(paths.CHAT, request),
    ),
    "many values": (lambda size: b"[],{}," * (size // 6), outside_texts),
    "an escape without an end": (
        lambda size: b'"' + b"\\" * size,
        lambda document: list(pieces(document)),
    ),
    "nested lists": (lambda size: b"[[[[]]]]" * (size // 8), deep),
    "wide nesting": (lambda size: (b"[" * 60 + b"]" * 60) * (size // 120), deep),
    "text chunks": (lambda size: events(chat(delta={"content": " word"}), size), relay_chat),
    "marked chunks": (lambda size: events(chat(delta={"content": "<|chan"}), size), relay_chat),
    "carriage returns": (lambda size: b"\n\r" * (size // 2), fed),
    "an event in small reads": (
        lambda size: b"data: " + b"x" * (size // 2),
        lambda data: fed(data, 64),
    ),
}


def spent_s(work: Callable[[Any], object], given: Any) -> float:
    """Return the processor time of this thread, at least a millisecond, below which the caches
    decide."""
    started = time.thread_time()
    work(given)
    return max(time.thread_time() - started, 1e-3)


def is_linear(make: Callable[[int], Any], work: Callable[[Any], object]) -> bool:
    """Return whether the large input takes no more time than its size allows; one of a few attempts
    is enough on a busy machine."""
    small, large = make(SMALL), make(LARGE)
    return any(
        spent_s(work, large) <= GROWTH**DOUBLINGS * spent_s(work, small) for _ in range(LOOKS)
    )


@pytest.mark.parametrize("filling", FILLINGS)
@pytest.mark.parametrize("name", ON_TEXT)
def test_a_text(name: str, filling: str) -> None:
    """From 256 KB to 8 MB of any filling."""
    assert is_linear(lambda size: filled(FILLINGS[filling], size), ON_TEXT[name])


@pytest.mark.parametrize("name", OTHERS)
def test_many_parts(name: str) -> None:
    """From 256 KB to 8 MB of turns, brackets and events."""
    assert is_linear(*OTHERS[name])


def test_what_is_not_linear_is_seen() -> None:
    """A quadratic search fails this check."""
    quadratic = re.compile("a*c")

    assert not is_linear(lambda size: "a" * (size // 512), quadratic.search)
