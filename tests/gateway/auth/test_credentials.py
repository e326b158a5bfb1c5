"""What is taken for a key in a request's headers."""

import pytest

from gateway.auth.gate import LONGEST_TOKEN_BYTES, token_of
from gateway.errors import Unauthorized

Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer abc")],
        [(b"authorization", b"bearer   abc ")],
        [(b"x-api-key", b"abc")],
        [(b"x-api-key", b"abc"), (b"authorization", b"Bearer abc")],
        [(b"authorization", b"Basic eDp5"), (b"x-api-key", b"abc")],
    ],
)
def test_one_key_is_found(headers: Headers) -> None:
    """In either header, and in both when they agree."""
    assert token_of(headers) == b"abc"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"cookie", b"abc")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"abc")],
        [(b"authorization", b"Basic eDp5")],
        [(b"authorization", b"Bearer abc"), (b"x-api-key", b"abd")],
        [(b"authorization", b"Bearer abc"), (b"authorization", b"Bearer abd")],
        [(b"x-api-key", "schlüssel".encode())],
        [(b"x-api-key", b"a" * (LONGEST_TOKEN_BYTES + 1))],
    ],
)
def test_none_or_two_are_refused(headers: Headers) -> None:
    """With the challenge that RFC 6750 wants, and without a word of what was sent."""
    with pytest.raises(Unauthorized) as refused:
        token_of(headers)

    assert refused.value.headers() == {"www-authenticate": "Bearer"}
    assert "abc" not in refused.value.message
