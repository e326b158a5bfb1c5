"""What a caller shows: the bearer token of a request's headers."""

from collections.abc import Iterable

from gateway.errors import Unauthorized

LONGEST_BYTES = 8192  # of a token; servers of this kind send 1 to 2 KB


def presented(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The key or token shown; raises Unauthorized for none, for two that differ, for nonsense."""
    shown = {token for name, value in headers if (token := credential(name, value))}
    if not shown:
        raise Unauthorized(
            "A key is needed: send `Authorization: Bearer <key>` (or `X-API-Key: <key>`)."
        )
    if len(shown) > 1:
        raise Unauthorized("Two different keys were sent; send one.")
    token = shown.pop()
    if len(token) > LONGEST_BYTES or not token.isascii():
        raise Unauthorized("That is not a key or token.")
    return token


def credential(name: bytes, value: bytes) -> bytes:
    """What one header says; empty when it is not about that, or of a scheme we do not speak."""
    if name == b"x-api-key":
        return value.strip()
    if name == b"authorization" and value[:7].lower() == b"bearer ":
        return value[7:].strip()
    return b""
