"""Headers: what of them gets through, either way, is on a list."""

import re

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT
from tests.contract.test_headers import FROM_US
from tests.fake_engine.process import FakeEngine
from tests.gateway.proxy.relayed import Socket, cycle_on
from tests.gateway.server.wire import chat, exchange, request

ODD_HEAD = (
    "HTTP/1.1 200 OK\r\nserver: uvicorn\r\nset-cookie: a=secret\r\nx-engine: secret\r\n"
    "access-control-allow-origin: *\r\nlocation: http://secret\r\nx-request-id: secret\r\n"
    "x-mmhie-disclaimer-version: secret\r\ncontent-security-policy: secret\r\n"
    "strict-transport-security: secret\r\nlink: <secret>\r\ncontent-type: application/json\r\n"
)
WHOLE = (
    '{"id":"x","object":"chat.completion","model":"fake-model","choices":[{"index":0,"message":'
    '{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}'
)


def test_what_comes_back_of_the_engines(gateway: Gateway, engine: FakeEngine) -> None:
    """Nothing: every header of an answer is our own."""
    engine.next(fault="raw", body=f"{ODD_HEAD}content-length: {len(WHOLE)}\r\n\r\n{WHOLE}")
    (answer,) = exchange(gateway, chat())

    assert answer.status == 200
    assert answer.headers.keys() <= FROM_US
    assert "secret" not in str(answer)


BAD_IDS = (
    *(b"a\r\nset-cookie: b=c", b"a\rset-cookie: b=c", b"a\nset-cookie: b=c", b"a\0b", b"a b"),
    *(b"a\x1b[31mb", b"a\xc3\xbcb", b"\xff\xfe", b"x" * 129, b"${jndi:ldap://x}", b""),
)


@pytest.mark.parametrize("bad", BAD_IDS)
def test_nothing_is_injected_through_a_request_id(
    gateway: Gateway, engine: FakeEngine, bad: bytes
) -> None:
    """It is refused with the request, or replaced; no header of the caller's making comes back or
    goes on, nor does a byte of it into the log."""
    (answer,) = exchange(gateway, chat("x-request-id: " + bad.decode("latin-1")))

    assert answer.status in (200, 400)
    for headers in (answer.headers, *(seen["headers"] for seen in engine.seen(CHAT))):
        assert "set-cookie" not in headers
        assert re.fullmatch("[0-9a-f]{32}|a", headers["x-request-id"])
    assert not bad or len(bad) < 4 or bad.decode("latin-1") not in gateway.log


def test_two_request_ids(gateway: Gateway, engine: FakeEngine) -> None:
    """One of them is taken, the same everywhere."""
    (answer,) = exchange(gateway, chat("x-request-id: one", "x-request-id: two"))
    (seen,) = engine.seen("/v1/chat/completions")
    assert answer.headers["x-request-id"] == seen["headers"]["x-request-id"] == "one"


@pytest.mark.parametrize("value", ["chunked, close", "upgrade", "\u00fc", "x" * 1000])
def test_an_odd_connection_header(gateway: Gateway, value: str) -> None:
    """Changes nothing but the connection."""
    (answer,) = exchange(gateway, request("/healthz", f"connection: {value}"))
    assert answer.status == 200


@pytest.mark.parametrize("byte", [0, 10, 13, 127])
async def test_no_header_breaks_the_head(byte: int) -> None:
    """A control character in a header is a fault of ours, and nothing is sent."""
    caller = Socket()
    headers = [(b"x-name", b"a%cb" % byte)]
    with pytest.raises(RuntimeError, match="Invalid HTTP header value"):
        await cycle_on(caller).send(
            {"type": "http.response.start", "status": 200, "headers": headers}
        )
    assert not caller.written
