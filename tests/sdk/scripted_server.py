"""A real HTTP server in a thread that says exactly the bytes a test wants."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer, ThreadingUnixStreamServer
from typing import Any

from tests.waiting import PATIENCE_S, until

DISCLAIMER = "Model outputs are not clinical advice."
NOTES: dict[str, Any] = {
    "disclaimer": {"id": "default", "version": "1", "sha256": "00", "text": DISCLAIMER},
    "ai_generated": True,
    "provenance": {"engine": "vllm", "quantization": "mxfp4"},
    "truncated": None,
    "warnings": ["input_truncated"],
    "notices": [{"id": "chest_pain", "message": "Call your local emergency number."}],
}
USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "total_tokens": 12,
    "completion_tokens_details": {"reasoning_tokens": 2},
}
LAST: dict[str, Any] = {
    "finish_reason": "stop",
    "truncated": None,
    "usage": USAGE,
    "disclaimer": DISCLAIMER,
    "warnings": NOTES["warnings"],
    "notices": NOTES["notices"],
    "request_id": "req-1",
    "model": "served/model",
    "mmhie": NOTES,
}
JSON_ANSWER: dict[str, Any] = {"text": "Rest and fluids.", **LAST}
CHAT_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "served/model",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello.", "reasoning": "Greet."},
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
    "mmhie": NOTES,
}


@dataclass
class Seen:
    """One request as it arrived; `left` is set when the client hung up before the answer's end."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int] | str
    arrived: float = field(default_factory=time.monotonic)
    left: threading.Event = field(default_factory=threading.Event)

    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    """One request and both directions of its connection, for a script."""

    def __init__(self, seen: Seen, line: StreamRequestHandler) -> None:
        self.seen = seen
        self.send = line.wfile.write
        self._read = line.rfile.read

    def head(self, status: int, headers: Mapping[str, str], length: int | None) -> None:
        size = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        lines = [f"HTTP/1.1 {status} X", size, "x-request-id: req-1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def until_client_leaves(self) -> None:
        with suppress(ConnectionError):
            self._read()
        self.seen.left.set()


Script = Callable[[Exchange], None]


def reply(value: object, status: int = 200, **headers: str) -> Script:
    """Answer with JSON, or with these very bytes."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}

    def run(exchange: Exchange) -> None:
        exchange.head(status, named, len(body))
        exchange.send(body)

    return run


def error(status: int, code: object, message: str = "A sentence.", **headers: str) -> Script:
    """Answer with the one error shape."""
    body = {"message": message, "type": "t", "param": "prompt", "code": code}
    return reply({"error": body}, status, x_mmhie_disclaimer_version="1", **headers)


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


Part = bytes | float | threading.Event


def stream(*parts: Part, cut: bool = False, then_wait: bool = False) -> Script:
    """Send chunks, pause for seconds or until an event is set; `cut` drops the connection.

    `then_wait` waits until the client drops it.
    """

    def run(exchange: Exchange) -> None:
        headers = {"content-type": "text/event-stream", "x-mmhie-disclaimer-version": "1"}
        exchange.head(200, headers, None)
        for part in parts:
            if isinstance(part, bytes):
                exchange.chunk(part)
            elif isinstance(part, float):
                time.sleep(part)
            else:
                assert part.wait(PATIENCE_S)
        if then_wait:
            exchange.until_client_leaves()
        elif cut:
            drop(exchange)
        else:
            exchange.send(b"0\r\n\r\n")

    return run


def answer_stream(*texts: str) -> Script:
    """A whole stream, one chunk for each delta."""
    deltas = [event({"delta": text}) for text in texts]
    return stream(*deltas, event(LAST), b"data: [DONE]\n\n")


def hang(exchange: Exchange) -> None:
    """Accept the request and say nothing until the client leaves."""
    exchange.until_client_leaves()


def drop(exchange: Exchange) -> None:
    """Close the connection without a word."""
    raise ConnectionAbortedError


class ScriptedServer:
    """Plays its scripts in order, the last one for ever."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.requests: list[Seen] = []
        self.url = ""
        self._scripts = list(scripts)

    @contextmanager
    def running(self, socket_path: str | None = None) -> Iterator["ScriptedServer"]:
        """Serve on a free loopback port, or on a Unix socket, a thread for each connection."""
        with self._listen(socket_path) as server:
            server.daemon_threads, server.block_on_close = True, False
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join(PATIENCE_S)

    @property
    def calls(self) -> list[Seen]:
        return self.requests

    def until_left(self) -> None:
        """Wait until the client has hung up on its first question."""
        until(lambda: self.calls and self.calls[0].left.is_set())

    def play(self, line: StreamRequestHandler) -> None:
        """Answer the requests of one connection, until one side ends it."""
        with suppress(ConnectionError):
            while seen := read_request(line):
                self.requests.append(seen)
                self._next_script()(Exchange(seen, line))

    def _listen(self, socket_path: str | None) -> ThreadingTCPServer | ThreadingUnixStreamServer:
        play = self.play

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                play(self)

        if socket_path is not None:
            self.url = f"unix:{socket_path}"
            return ThreadingUnixStreamServer(socket_path, Handler)
        server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        return server

    def _next_script(self) -> Script:
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]


def read_request(line: StreamRequestHandler) -> Seen | None:
    """Return the next request of a connection, None at its end."""
    first = line.rfile.readline().decode()
    if not first:
        return None
    method, path, _ = first.split(" ")
    headers = {}
    while field_line := line.rfile.readline().decode().strip():
        name, _, value = field_line.partition(": ")
        headers[name.lower()] = value
    body = line.rfile.read(int(headers.get("content-length", "0")))
    return Seen(method, path, headers, body, line.client_address)
