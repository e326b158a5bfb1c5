"""The CORS policy by itself: the headers that a browser gets."""

import pytest

from gateway.auth.cors import CorsPolicy

PAGE = (b"origin", b"https://ward.example")
WANTS = (b"access-control-request-method", b"POST")
ONE = CorsPolicy.of(["https://ward.example"])
ALL = CorsPolicy.of(["*"])


@pytest.mark.parametrize(
    ("origins", "origin", "told"),
    [
        (ONE, b"https://ward.example", b"https://ward.example"),
        (ONE, b"https://ward.example:8443", None),
        (ONE, b"http://ward.example", None),
        (ONE, b"https://ward.example.evil", None),
        (ONE, b"https://WARD.example", None),
        (ONE, b"null", None),
        (ONE, b"", None),
        (ALL, b"https://any.example", b"*"),
        (ALL, b"", None),
    ],
)
def test_who_is_told(origins: CorsPolicy, origin: bytes, told: bytes | None) -> None:
    """Exactly those on the list; a page never gets to send a cookie along."""
    headers = dict(origins.headers([(b"host", b"x"), (b"origin", origin)]))
    assert headers.get(b"access-control-allow-origin") == told
    assert (b"access-control-expose-headers" in headers) is (told is not None)
    assert (headers.get(b"vary") == b"Origin") is (told is not None)
    assert b"access-control-allow-credentials" not in headers


def test_a_question_beforehand() -> None:
    """Methods and the headers it asked for."""
    names = (b"access-control-request-headers", b"authorization, x-stainless-os")
    headers = dict(ONE.preflight("OPTIONS", [PAGE, WANTS, names]) or ())
    assert headers[b"access-control-allow-headers"] == b"authorization, x-stainless-os"
    assert headers[b"access-control-allow-methods"] == b"GET, HEAD, POST"


@pytest.mark.parametrize("names", [b"a\r\nset-cookie: b", b"<x>", b"a" * 2000])
def test_odd_names_are_not_repeated(names: bytes) -> None:
    """Requests that no browser sends."""
    asked = [PAGE, WANTS, (b"access-control-request-headers", names)]
    assert dict(ONE.preflight("OPTIONS", asked) or ())[b"access-control-allow-headers"] == b""


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", [PAGE, WANTS]),
        ("OPTIONS", [PAGE]),
        ("OPTIONS", [WANTS]),
        ("OPTIONS", [(b"origin", b"https://evil.example"), WANTS]),
    ],
)
def test_no_question_beforehand(method: str, headers: list[tuple[bytes, bytes]]) -> None:
    """These go on as the requests they are."""
    assert ONE.preflight(method, headers) is None
