"""Framing: one meaning for every byte, one answer to every request."""

import contextlib
import json
import re
import socket

import pytest

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.wire import (
    CHAT_BODY,
    STREAM_BODY,
    answer_to,
    answers,
    chat,
    dialled,
    exchange,
    pour,
    request,
    rest,
)

POST = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"host: x\r\n"
HEAD = POST + HOST
CANARY = b"armadillo7731"
SMUGGLED = b"GET /v1/models?" + CANARY + b" HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
IN_A_CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(CHAT_BODY), CHAT_BODY)

# What is sent; each gets exactly one answer, 400, and the connection closes.
MALFORMED: dict[str, bytes] = {
    "length and chunks": HEAD + b"content-length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": HEAD + b"content-length: 4\r\ncontent-length: 0\r\n\r\n" + SMUGGLED,
    "a length without end": HEAD + b"content-length: " + b"9" * 40 + b"\r\n\r\n" + SMUGGLED,
    "gzip, then chunks": HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n" + IN_A_CHUNK,
    "a coding after a tab": HEAD + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /v1/chat/completions HTTP/1.0\r\n"
    + HOST
    + CHUNKED
    + b"\r\n"
    + IN_A_CHUNK,
    "a folded line": HEAD + b"x-a: b\r\n c\r\n\r\n" + SMUGGLED,
    "a space before a colon": HEAD + b"content-length : 4\r\n\r\n" + SMUGGLED,
    "a NUL in a value": HEAD + b"x-a: b\0c\r\n\r\n" + SMUGGLED,
    "a bare CR": HEAD + b"x-a: b\rx-b: c\r\n\r\n" + SMUGGLED,
    "bare LFs": POST.replace(b"\r", b"") + b"host: x\n\n" + SMUGGLED,
    "an underscore": chat("transfer_encoding: chunked"),
    "no host": chat().replace(b"host: x\r\n", b""),
    "two hosts": chat("host: y"),
    "Icecast": b"SOURCE /healthz ICE/1.0\r\n\r\n",
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a method in small letters": b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "no HTTP at all": CANARY + b"\r\n\r\n",
    "a chunk's size in words": HEAD + CHUNKED + b"\r\nzz\r\n" + CANARY,
    "a chunk's size too large": HEAD + CHUNKED + b"\r\n" + b"f" * 18 + b"\r\n",
    "a chunk longer than said": HEAD + CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n",
    "chunks by bare LFs": HEAD + CHUNKED + b"\r\n1\na\n0\n\n",
    "an extension with a LF": HEAD + CHUNKED + b"\r\n1;a\nb\r\na\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_http_is_one_400(gateway: Gateway, engine: FakeEngine, name: str) -> None:
    """In our shape, with our headers, without an echo, wherever TCP cuts it; what came behind it is
    never served."""
    data = MALFORMED[name]
    with dialled(gateway) as plug:
        in_parts = pour(plug, (data[at : at + 7] for at in range(0, len(data), 7)))
    for (answer,) in (exchange(gateway, data), in_parts):
        answer.error(400, "invalid_request")
        assert answer.headers["connection"] == "close"
        assert CANARY not in answer.body
    assert CANARY.decode() not in gateway.log
    assert engine.stats["generations"] == 0


LARGE = {
    "in one line": [request("/healthz", f"x-a: {'a' * 100_000}")],
    "in many lines": [request("/healthz", *(f"x-{n}: {'a' * 800}" for n in range(120)))],
    "many, however small": [request("/healthz", *(f"x-{n}: 1" for n in range(200)))],
    "many, before their end": [b"GET / HTTP/1.1\r\n" + b"x: 1\r\n" * 200],
    "in the path": [request(f"/{'a' * 100_000}")],
    "without end": [b"GET / HTTP/1.1\r\nx-a: ", *[b"a" * 10_000] * 1000],
}


@pytest.mark.parametrize("name", LARGE)
def test_a_head_that_is_too_large_is_431(gateway: Gateway, name: str) -> None:
    """Long before its end; nothing is kept of it, and the limit is named."""
    with dialled(gateway) as plug:
        (answer,) = pour(plug, LARGE[name])
    message = answer.error(431, "headers_too_large")["message"]
    assert "line" not in name or "over 32768 bytes" in message

    (fine,) = exchange(gateway, request("/healthz", f"authorization: Bearer {'a' * 20_000}"))
    assert fine.status == 200


@pytest.mark.parametrize("extra", [b";" + b"a" * 1_000_000, b"\r\n" + b"x" * 1_000_000])
def test_chunks_that_say_nothing_are_bounded(gateway: Gateway, extra: bytes) -> None:
    """Extensions and trailers are no body, and are counted all the same."""
    with dialled(gateway) as plug:
        responses = pour(plug, [HEAD + CHUNKED + b"\r\n0", *[extra] * 100])
    assert [response.status for response in responses] in ([413], [400])


def test_chunks_of_a_byte_are_refused(gateway: Gateway) -> None:
    """Each is a call of the parser's: a megabyte of them would hold up everybody."""
    head = request("/v1/chat/completions", "transfer-encoding: chunked", method="POST")
    (answer,) = exchange(gateway, head + b"1\r\n \r\n" * 60_000 + b"0\r\n\r\n")

    assert answer.status == 400
    assert b"chunks of a few bytes" in answer.body


def test_a_trailer_is_no_header(gateway: Gateway, engine: FakeEngine) -> None:
    """Else a name or a key could come in after the head was looked at."""
    body = b"%x\r\n%b\r\n0\r\nx-request-id: late\r\nauthorization: Bearer late\r\n\r\n"
    head = request("/v1/chat/completions", "transfer-encoding: Chunked", method="POST")
    (answer,) = exchange(gateway, head + body % (len(CHAT_BODY), CHAT_BODY))

    assert answer.status == 200
    assert answer.headers["x-request-id"] != "late"


def test_a_connection_serves_one_request_after_another(gateway: Gateway) -> None:
    """A body that looks like a request is a body."""
    sent = [
        request("/healthz", "x-request-id: a", close=False),
        chat("x-request-id: b", close=False),
        request("/v1/models", "x-request-id: c", method="PUT", body=SMUGGLED, close=False),
        request("/nothing", "x-request-id: d", close=False),
    ]
    with dialled(gateway) as plug:
        responses = [answer_to(plug, each) for each in sent]

    assert [response.status for response in responses] == [200, 200, 405, 404]
    assert [response.headers["x-request-id"] for response in responses] == list("abcd")


def test_nothing_after_the_last_request_is_read(gateway: Gateway) -> None:
    """`Connection: close` ends the conversation."""
    (answer,) = exchange(gateway, request() + SMUGGLED * 3)
    assert b"fake-model" not in answer.body or b'"phase"' in answer.body


@pytest.mark.parametrize("behind", [b"\0\0\0\r\n\r\n", SMUGGLED * 5_000], ids=("NUL", "many"))
@pytest.mark.parametrize("stream", [False, True])
def test_nothing_behind_a_request_in_progress_is_read(
    gateway: Gateway, engine: FakeEngine, behind: bytes, stream: bool
) -> None:
    """The request is answered in full and the connection ends: HTTP lets its caller send the rest
    again over another one."""
    engine.next(fault="slow_first_token", seconds=0.3)
    body = STREAM_BODY if stream else CHAT_BODY
    with dialled(gateway) as plug:
        (answer,) = pour(plug, [chat(body=body, close=False), behind])

    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n" if stream else b"}")
    assert engine.stats["generations"] == 1


def test_expecting_to_be_told(gateway: Gateway, engine: FakeEngine) -> None:
    """100 before the body is read, none before a refusal; the connection ends with it, since
    nobody can know whether the body still comes."""
    lines = ("expect: 100-continue", f"content-length: {len(CHAT_BODY)}")
    head = request("/v1/chat/completions", *lines, method="POST", close=False)
    with dialled(gateway) as plug:
        plug.sendall(head)
        assert plug.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        plug.sendall(CHAT_BODY)
        (answer,) = answers(rest(plug))
    assert answer.status == 200

    refused = head.replace(b"/v1/chat", b"/v1/nothing")
    responses = exchange(gateway, refused)
    assert [response.status for response in responses] == [404]
    assert responses[0].headers["connection"] == "close"


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip"])
def test_a_compressed_body_is_415(gateway: Gateway, engine: FakeEngine, coding: str) -> None:
    """A kilobyte may unpack to a gigabyte; nothing is unpacked. `identity` is no compression."""
    (answer,) = exchange(gateway, chat(f"content-encoding: {coding}"))
    answer.error(415, "unsupported_encoding")
    assert engine.stats["generations"] == 0
    (answer,) = exchange(gateway, chat("content-encoding: identity"))
    assert answer.status == 200


def test_a_body_refused_unread(gateway: Gateway) -> None:
    """The caller may finish sending, hears the answer, and may ask again; not without end."""
    big = request("/nothing", method="POST", body=b"x" * 3_000_000, close=False)
    responses = exchange(gateway, big + request())
    assert [response.status for response in responses] == [404, 200]

    endless = request("/nothing", "content-length: 999999999", method="POST", close=False)
    with dialled(gateway) as plug:
        plug.sendall(endless)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 200_000_000:
                sent += plug.send(b"x" * 1_000_000)
    assert sent < 100_000_000


@pytest.mark.parametrize("stream", [False, True])
def test_http_1_0_gets_no_chunks(gateway: Gateway, stream: bool) -> None:
    """A stream ends with its connection, whatever the caller says about keeping it."""
    body = json.dumps({"prompt": "Why?", "stream": stream}).encode()
    head = b"POST /llm/generate HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: %d\r\n\r\n"
    (answer,) = exchange(gateway, head % len(body) + body)

    assert answer.status == 200
    assert "transfer-encoding" not in answer.headers
    assert answer.headers["connection"] == "close"
    if stream:
        assert answer.body.startswith(b'data: {"delta"')
        assert answer.body.endswith(b"data: [DONE]\n\n")
    else:
        assert len(answer.body) == int(answer.headers["content-length"])
    (error,) = exchange(gateway, b"GET /nothing HTTP/1.0\r\n\r\n")
    error.error(404, "not_found")


def test_half_a_hang_up_is_a_whole_one(gateway: Gateway, engine: FakeEngine) -> None:
    """A caller who shuts its side down cannot be told from one who leaves, and the engine must
    not work for those who have left."""
    engine.next(fault="hang_before_headers")
    with dialled(gateway) as plug:
        plug.sendall(chat())
        engine.until(lambda stats: stats["running"] == 1)
        plug.shutdown(socket.SHUT_WR)
        engine.until(lambda stats: stats["running"] == 0)
        assert rest(plug) == b""


UPGRADES = {
    "websocket": ("connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"),
    "h2c": ("connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABk"),
}


@pytest.mark.parametrize("name", UPGRADES)
def test_an_upgrade_is_not_taken(gateway: Gateway, name: str) -> None:
    """The request is answered as what it also is; what follows it is not read."""
    (answer,) = exchange(gateway, request("/healthz", *UPGRADES[name], close=False) + SMUGGLED)
    assert answer.status == 200

    (answer,) = exchange(gateway, chat(*UPGRADES[name], close=False) + SMUGGLED)
    assert answer.status == 200
    assert b'"choices"' in answer.body


METHODS = (
    (b"CONNECT example.com:443", 405, "method_not_allowed"),
    (b"TRACE /healthz", 405, "method_not_allowed"),
    (b"OPTIONS /healthz", 405, "method_not_allowed"),
    (b"OPTIONS *", 404, "not_found"),
    (b"PROPFIND /nothing", 404, "not_found"),
    (b"HEAD /v1/chat/completions", 405, None),
    (b"HEAD /healthz", 200, None),
)


@pytest.mark.parametrize(("line", "status", "code"), METHODS)
def test_other_methods(gateway: Gateway, line: bytes, status: int, code: str | None) -> None:
    """Each has its outcome; TRACE repeats nothing of what was sent, HEAD has no body."""
    head = line + b" HTTP/1.1\r\nhost: x\r\nx-secret: " + CANARY + b"\r\nconnection: close\r\n\r\n"
    with dialled(gateway) as plug:
        plug.sendall(head)
        heard = rest(plug)

    assert int(heard.split(b" ")[1]) == status, heard
    assert CANARY not in heard
    if code is None:
        assert heard.endswith(b"\r\n\r\n")
        assert re.search(rb"\r\ncontent-length: [1-9]", heard)
    else:
        answers(heard)[0].error(status, code)
