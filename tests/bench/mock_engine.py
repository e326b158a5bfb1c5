"""An engine far faster than any gateway: canned bytes in vLLM's format, nothing computed.

`python -m tests.bench.mock_engine --port N [--chunk-ms 20]`. A request with `"stream": true` gets
`max_tokens` chunks, one every `--chunk-ms`; any other gets one JSON answer.
"""

import argparse
import asyncio
import re

import uvloop

MODEL = "bench"
ANSWER = (
    b'{"id":"chatcmpl-bench","object":"chat.completion","created":1,"model":"bench","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":300,"total_tokens":450,"completion_tokens":150}}'
) % (b"word " * 150)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
CHUNK = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench",'
    b'"choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null,'
    b'"token_ids":null}]}\n\n'
)
LAST = CHUNK.replace(b" word", b".").replace(
    b'"finish_reason":null', b'"finish_reason":"stop","stop_reason":null'
)
USAGE = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench",'
    b'"choices":[],"usage":{"prompt_tokens":300,"total_tokens":450,"completion_tokens":150},'
    b'"system_fingerprint":"vllm-bench"}\n\n'
)
DONE = b"data: [DONE]\n\n"
OTHERS = {
    b"/health": b"",
    b"/v1/models": b'{"object":"list","data":[{"id":"bench","object":"model","created":1,'
    b'"owned_by":"vllm","max_model_len":131072}]}',
    b"/version": b'{"version":"0.32.0"}',
    b"/tokenize": b'{"count":30,"max_model_len":131072,"tokens":[],"token_strs":null}',
    b"/get_model_info": b'{"model_path":"bench"}',
    b"/metrics": b"",
}
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TOKENS = re.compile(rb'"max_tokens": ?(\d+)')


def framed(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


FRAMED_CHUNK = framed(CHUNK)
FRAMED_END = framed(DONE) + b"0\r\n\r\n"
JSON_ANSWER = HEAD % (len(ANSWER), ANSWER)


class Engine(asyncio.Protocol):
    """One connection; requests one after the other."""

    chunk_s = 0.02

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.data = b""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment] # both ways

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self.data, 0, end)
        size = end + 4 + (int(length.group(1)) if length else 0)
        if len(self.data) >= size:
            request, self.data = self.data[:size], self.data[size:]
            self.answer(request.split(b" ", 2)[1], request[end + 4 :])

    def answer(self, path: bytes, body: bytes) -> None:
        if path in OTHERS:
            self.transport.write(HEAD % (len(OTHERS[path]), OTHERS[path]))
        else:
            is_stream = b'"stream":true' in body or b'"stream": true' in body
            tokens = TOKENS.search(body)
            self.usage = is_stream and b"include_usage" in body
            self.left = int(tokens.group(1)) if tokens else 100
            if is_stream:
                self.stream()
            else:
                self.transport.write(JSON_ANSWER)

    def stream(self) -> None:
        self.transport.write(STREAM_HEAD)
        self.tick()

    def tick(self) -> None:
        """Send a chunk and come back for the next, at the pace of the clock."""
        if self.left > 1:
            self.transport.write(FRAMED_CHUNK)
            self.left -= 1
            self.timer = self.loop.call_later(self.chunk_s, self.tick)
            return
        usage = framed(USAGE) if self.usage else b""
        self.transport.write(framed(LAST) + usage + FRAMED_END)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Engine, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunk-ms", type=float, default=20)
    given = parser.parse_args()
    Engine.chunk_s = given.chunk_ms / 1000
    uvloop.run(serve(given.port))
