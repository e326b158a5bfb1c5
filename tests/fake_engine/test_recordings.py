"""The fake engine against recordings of vLLM 0.32.0: same status, headers, fields and order."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fake_engine.process import FakeEngine
from tests.fake_engine.recorded import RECORDINGS
from tests.gateway.server.wire import request, rest

CHAT, TEXT, ANSWERS = "/v1/chat/completions", "/v1/completions", "/v1/responses"
MESSAGES = "/v1/messages"
NAMED: dict[str, Any] = {"model": "smollm2", "temperature": 0}
TURNS = {"messages": [{"role": "user", "content": "Say hi."}]}
ASK: dict[str, Any] = {**NAMED, **TURNS, "max_tokens": 6, "seed": 1}
PROMPT: dict[str, Any] = {**NAMED, "prompt": "The sky is", "max_tokens": 5}
INPUT: dict[str, Any] = {"model": "smollm2", "input": "Hi.", "max_output_tokens": 5}
MESSAGE: dict[str, Any] = {**NAMED, **TURNS, "max_tokens": 6}
CALL: dict[str, Any] = {
    **MESSAGE,
    "tools": [{"name": "dose", "input_schema": {"type": "object"}, "strict": True}],
    "tool_choice": {"type": "tool", "name": "dose"},
}
USAGE = {"stream_options": {"include_usage": True}}
CONTINUOUS = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}
STREAM = {"stream": True}

# recording -> method, path, body (None: no body)
SHAPES: dict[str, tuple[str, str, Any]] = {
    "models": ("GET", "/v1/models", None),
    "tokenize_chat": ("POST", "/tokenize", TURNS),
    "chat": ("POST", CHAT, ASK),
    "chat_stream": ("POST", CHAT, ASK | STREAM),
    "chat_stream_usage": ("POST", CHAT, ASK | STREAM | USAGE),
    "chat_stream_contusage": ("POST", CHAT, ASK | STREAM | CONTINUOUS),
    "chat_404": ("POST", CHAT, {**ASK, "model": "nope"}),
    "chat_missing_messages": ("POST", CHAT, {"model": "smollm2"}),
    "chat_temp_neg": ("POST", CHAT, {**ASK, "temperature": -1}),
    "chat_max0": ("POST", CHAT, {**ASK, "max_tokens": 0}),
    "chat_maxbig": ("POST", CHAT, {**ASK, "max_tokens": 100000}),
    "completions": ("POST", TEXT, PROMPT),
    "completions_stream": ("POST", TEXT, PROMPT | STREAM),
    "responses": ("POST", ANSWERS, INPUT),
    "responses_stream": ("POST", ANSWERS, INPUT | STREAM),
    "messages": ("POST", MESSAGES, MESSAGE),
    "messages_stream": ("POST", MESSAGES, MESSAGE | STREAM),
    "messages_tool": ("POST", MESSAGES, CALL),
    "messages_tool_stream": ("POST", MESSAGES, CALL | STREAM),
    "messages_404": ("POST", MESSAGES, {**MESSAGE, "model": "nope"}),
    "messages_temp_neg": ("POST", MESSAGES, {**MESSAGE, "temperature": -1}),
    "messages_count": ("POST", f"{MESSAGES}/count_tokens", TURNS),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[FakeEngine]:
    """A fake engine under the recorded model's name."""
    fake = FakeEngine("--model", "smollm2", "--max-model-len", "2048").wait()
    yield fake
    fake.stop()


def exchange(url: str, method: str, path: str, body: Any) -> bytes:
    """The raw bytes of one response, the connection closed after it."""
    data = json.dumps(body).encode() if body else b""
    host = urlsplit(url)
    with socket.create_connection((host.hostname, host.port or 80), timeout=60) as plug:
        plug.sendall(request(path, method=method, body=data))
        return rest(plug)


def skeleton(value: Any) -> Any:
    """A JSON value with its data taken out: names, order and kinds stay."""
    if isinstance(value, dict):
        return [(name, skeleton(member)) for name, member in value.items()]
    if isinstance(value, list):
        return [skeleton(value[0])] if value else []
    return type(value).__name__ if not isinstance(value, int | float) else "number"


def distinct(frames: list[Any]) -> list[Any]:
    """Frames without repetitions of the one before: answers differ in length."""
    return [frame for place, frame in enumerate(frames) if place == 0 or frame != frames[place - 1]]


def body_of(raw: bytes) -> Any:
    """Return a body's skeleton: that of its frames, or of its document."""
    events = re.findall(rb"(?:event: (\S+)\n)?data: (.*)\n\n", raw)
    if events:
        return distinct([(name, frame(data)) for name, data in events])
    document = raw.partition(b"\r\n\r\n")[2]
    return skeleton(json.loads(document)) if document else None


def frame(data: bytes) -> Any:
    """The skeleton of one event's data."""
    return data if data == b"[DONE]" else skeleton(json.loads(data))


def head_of(raw: bytes) -> tuple[bytes, set[bytes]]:
    """Status line and header names."""
    first, *lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return first, {line.partition(b":")[0] for line in lines} - {b"connection", b"allow"}


# Error bodies that are vLLM's, letter for letter.
WORDED = ("chat_404", "chat_temp_neg", "chat_max0", "chat_maxbig", "messages_404")


@pytest.mark.parametrize("name", SHAPES)
def test_speaks_as_recorded(engine: FakeEngine, name: str) -> None:
    """Status, header names, fields, their order and kinds are those vLLM sent."""
    recorded = (RECORDINGS / f"{name}.http").read_bytes()
    spoken = exchange(engine.url, *SHAPES[name])

    assert head_of(spoken) == head_of(recorded)
    assert body_of(spoken) == body_of(recorded)
    assert name not in WORDED or spoken.endswith(recorded.partition(b"\r\n\r\n")[2])
