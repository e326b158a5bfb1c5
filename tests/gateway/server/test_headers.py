"""Headers: what of them gets through, either way, is on a list."""

import re

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT
from tests.contract.test_headers import FROM_US
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.wire import chat, exchange

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
    *(b"a\r\nset-cookie: b=c", b"a\nset-cookie: b=c", b"a\0b", b"a\x1b[31mb"),
    *(b"a\xc3\xbcb", b"x" * 129, b"${jndi:ldap://x}", b""),
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
