"""Seeds of the search: well-formed input of every kind, and the words of each format."""

import json
from typing import Any

SECRET = "zebrafish7731 has chest pain"
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "system_fingerprint": "f",
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}


def events(*objects: object) -> bytes:
    return b"".join(b"data: " + json.dumps(content).encode() + b"\n\n" for content in objects)


def choice(**more: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": None, "logprobs": None, **more}


def named(kind: str, **more: Any) -> bytes:
    body = {"type": kind, "sequence_number": 1, "output_index": 0, "content_index": 0, **more}
    return f"event: {kind}\ndata: {json.dumps(body)}\n\n".encode()


STREAM = (
    events(
        {**CHAT, "choices": [choice(delta={"role": "assistant", "content": ""})]},
        {**CHAT, "choices": [choice(delta={"content": "<|channel|>final<|message|>Yes."})]},
        {**CHAT, "choices": [choice(delta={"reasoning": "hm", "tool_calls": [{"index": 0}]})]},
        {**CHAT, "choices": [choice(delta={"content": " <"}, finish_reason="stop")]},
        {**CHAT, "choices": []},
    )
    + b": ping\n\ndata: [DONE]\n\n"
)
OUTPUT = [
    {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}], "summary": []},
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "<|start|>Yes"}],
    },
    {"type": "function_call", "name": "f", "arguments": "{}"},
]
RESPONSE = {"id": "r", "status": "completed", "output": OUTPUT, "usage": {"input_tokens": 1}}
RESPONSE_STREAM = b"".join(
    (
        named("response.created", response={**RESPONSE, "output": []}),
        named("response.output_item.added", item=OUTPUT[0]),
        named("response.reasoning_text.delta", delta="hm"),
        named("response.output_text.delta", delta="<|channel|>final<|mess"),
        named("response.output_text.delta", delta="age|>Yes <"),
        named("response.output_text.done", text="<|start|>Yes"),
        named("response.content_part.done", part={"type": "output_text", "text": "Yes"}),
        named("response.output_item.done", item=OUTPUT[1]),
        named("response.completed", response=RESPONSE),
    )
)
ANSWER = json.dumps({**CHAT, "choices": [choice(message={"content": "Yes", "reasoning": "hm"})]})
HTTP = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\ntrailer: 1\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    b"HTTP/1.0 200 OK\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
)
CALLS = (
    b"POST /llm/generate HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /v1/models/%41 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\n"
    b"content-length: 1\r\n\r\nx",
    b"GET / HTTP/1.0\r\n\r\n",
)
REQUESTS = (
    {"prompt": "chest pain", "max_tokens": 5, "stream": True, "stop": ["a"], "temperature": 0.5},
    {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "stroke"}]}]},
    {"model": "m", "prompt": ["a", "b"], "n": 2, "stream_options": {"include_usage": True}},
    {"input": [{"role": "user", "content": "I took all my pills"}], "cache_salt": "x", "seed": 1},
)
HEADERS = (
    b"authorization: Bearer mmhie_abc\nx-request-id: r-1\naccept: text/plain, text/event-stream\n"
    b"x-api-key: mmhie_abc\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)
TOKEN = b"eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJzdWIiOiJhIn0.c2ln"
REFUSAL = {"error": {"message": f"You said {SECRET!r}", "type": "BadRequestError", "code": 400}}


def dumped(*objects: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(content).encode() for content in objects)


def led(*inputs: bytes) -> tuple[bytes, ...]:
    """Each with first bytes that choose among ways to cut and shape it."""
    return tuple(bytes([first]) + seed for seed in inputs for first in (0, 5, 9, 16, 22))


SEEDS: dict[str, tuple[bytes, ...]] = {
    "chunks": led(STREAM),
    "response_events": led(RESPONSE_STREAM, b"event: \xff\ndata: {}\n\n"),
    "answers": led(ANSWER.encode(), *dumped(RESPONSE)),
    "reading": led(STREAM),
    "refusals": led(*dumped(REFUSAL)),
    "http": led(*HTTP),
    "bodies": dumped(*REQUESTS),
    "requests": dumped(*REQUESTS),
    "headers": (HEADERS,),
    "tokens": (TOKEN,),
    "connections": led(*CALLS),
}
WORDS = (
    *("data: ", "event: ", "[DONE]", "\n\n", "\r\n", "\r\n\r\n", "\r\r"),
    *("HTTP/1.1 ", "transfer-encoding: chunked", "content-length: ", "connection: close"),
    *('"choices":[', '"delta":{', '"content":', '"finish_reason":"stop"', '"usage":{'),
    '"index":-1',
    *('"response":{', '"output":[', '"type":"message"', '"output_text"', '"error":{"message":'),
    *("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "analysis", "final", "\\u003c|end|>"),
    *("null", "1e999", "18446744073709551616", "\\ud800"),
    *("response.completed", "response.output_text.delta"),
)
