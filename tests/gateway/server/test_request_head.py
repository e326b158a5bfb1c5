"""Heads that are refused: decided from their values alone."""

import pytest

from gateway.server.http_protocol import is_plain
from gateway.server.request_head import error_in_head, head_size

HOST = (b"host", b"x")
READ = b"what was read with the head"
GOOD = (
    (b"GET", b"/healthz"),
    (b"POST", b"/v1/chat/completions"),
    (b"GET", b"/v1/models?x=%2f"),
    (b"GET", b"/v1/models/a%2Fb"),
    (b"OPTIONS", b"*"),
)
TARGETS = (
    (b"/v1%2fchat/completions", 404),
    (b"/%76%31/chat/completions", 404),
    (b"/v1/chat/completions%00", 404),
    (b"/healthz#x", 400),
    (b"http://engine/v1/models", 400),
    (b"engine:443", 400),
    (b"", 400),
)


@pytest.mark.parametrize(("method", "url"), GOOD)
def test_a_plain_head(method: bytes, url: bytes) -> None:
    """Nothing is wrong with it."""
    assert error_in_head(method, url, "1.1", [HOST]) is None
    assert error_in_head(method, url, "1.0", []) is None
    assert is_plain("1.1", url, [HOST], READ) is (b"%" not in url and url != b"*")


@pytest.mark.parametrize(("url", "status"), TARGETS)
def test_a_target(url: bytes, status: int) -> None:
    """One way to write a path."""
    error = error_in_head(b"GET", url, "1.1", [HOST])
    assert error is not None
    assert error.status == status
    assert not is_plain("1.1", url, [HOST], READ)


@pytest.mark.parametrize(
    ("version", "watched", "status"),
    [
        ("0.9", [HOST], 400),
        ("2.0", [HOST], 400),
        ("1.1", [], 400),
        ("1.1", [HOST, HOST], 400),
        ("1.0", [HOST, HOST], 400),
        ("1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")], 400),
        ("1.1", [HOST, *[(b"transfer-encoding", b"chunked")] * 2], 400),
        ("1.0", [HOST, (b"transfer-encoding", b"chunked")], 400),
        ("1.1", [HOST, (b"transfer_encoding", b"chunked")], 400),
        ("1.1", [HOST, (b"content-encoding", b"gzip")], 415),
        ("1.1", [HOST, (b"transfer-encoding", b" Chunked ")], None),
        ("1.1", [HOST, (b"content-encoding", b"Identity")], None),
    ],
)
def test_headers(version: str, watched: list[tuple[bytes, bytes]], status: int | None) -> None:
    """Refuse every header that could be read in two ways."""
    error = error_in_head(b"POST", b"/", version, watched)
    assert (error.status if error else None) == status
    assert status is None or not is_plain(version, b"/", watched, READ)


def test_size() -> None:
    """As it was sent: `name: value` and a line end."""
    assert head_size(b"/a", [(b"ab", b"c"), (b"d", b"")]) == 2 + 7 + 5
