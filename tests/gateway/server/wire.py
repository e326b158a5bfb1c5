"""Requests as bytes, answers as they came: what no well-behaved client would send."""

import contextlib
import http.client
import json
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.contract.process import Gateway
from tests.contract.surfaces import checked
from tests.waiting import PATIENCE_S

ASKED = {"model": "fake-model", "messages": [{"role": "user", "content": "Why?"}]}
CHAT_BODY = json.dumps(ASKED).encode()
STREAM_BODY = json.dumps(ASKED | {"stream": True}).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """One response off the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def error(self, status: int, code: str) -> Mapping[str, Any]:
        """Its error object, checked: status, code, one shape, the headers of every response."""
        assert self.status == status, self
        assert self.headers["content-type"] == "application/json", self
        assert self.headers["x-request-id"], self
        assert self.headers["x-mmhie-disclaimer-version"], self
        error = checked(json.loads(self.body)["error"])
        assert error["code"] == code, error
        return error


@contextlib.contextmanager
def dialled(gateway: Gateway) -> Iterator[socket.socket]:
    """A connection."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE_S) as plug:
        yield plug


def rest(plug: socket.socket) -> bytes:
    """Everything until the gateway closes; a reset counts as one."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := plug.recv(65536):
            received += part
    return received


def exchange(gateway: Gateway, request: bytes) -> list[Answer]:
    """The answers to some bytes, once the gateway has closed the connection."""
    with dialled(gateway) as plug:
        plug.sendall(request)
        return answers(rest(plug))


def answer_to(plug: socket.socket, request: bytes) -> Answer:
    """The answer to one request, over a connection that stays open."""
    plug.sendall(request)
    with http.client.HTTPResponse(plug) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def pour(plug: socket.socket, parts: Iterable[bytes]) -> list[Answer]:
    """The answers to parts that are sent until the gateway has heard enough."""
    with contextlib.suppress(ConnectionError):
        for part in parts:
            plug.sendall(part)
    return answers(rest(plug))


def answers(stream: bytes) -> list[Answer]:
    """The responses in some bytes, interim ones left out; AssertionError when they are not whole
    responses one after the other."""
    responses = []
    while stream:
        head, blank, stream = stream.partition(b"\r\n\r\n")
        assert blank, head
        status, headers = parsed(head)
        if status < 200:
            continue
        body, stream = taken(headers, stream)
        responses.append(Answer(status, headers, body))
    return responses


def parsed(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers."""
    line, *lines = head.decode("latin-1").split("\r\n")
    assert re.fullmatch(r"HTTP/1\.1 \d{3} [A-Za-z -]+", line), line
    pairs = [line.split(": ", 1) for line in lines]
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return int(line.split()[1]), {name: value for name, value in pairs}


def taken(headers: Mapping[str, str], stream: bytes) -> tuple[bytes, bytes]:
    """A response's body, and what follows it."""
    if headers.get("transfer-encoding") == "chunked":
        return dechunked(stream)
    length = int(headers.get("content-length", len(stream)))
    assert len(stream) >= length, stream
    return stream[:length], stream[length:]


def dechunked(stream: bytes) -> tuple[bytes, bytes]:
    """The content of a chunked body, and what follows it."""
    content = b""
    while True:
        size, _, stream = stream.partition(b"\r\n")
        length = int(size, 16)
        content, stream = content + stream[:length], stream[length + 2 :]
        if not length:
            return content, stream


def request(
    path: str = "/healthz", *lines: str, method: str = "GET", body: bytes = b"", close: bool = True
) -> bytes:
    """A request: its head by lines; closes the connection after it unless told otherwise."""
    head = [f"{method} {path} HTTP/1.1", "host: x", *lines]
    head += ["connection: close"] if close else []
    head += [f"content-length: {len(body)}"] if body else []
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def chat(*lines: str, body: bytes = CHAT_BODY, close: bool = True) -> bytes:
    """A question on /v1/chat/completions."""
    return request("/v1/chat/completions", *lines, method="POST", body=body, close=close)
