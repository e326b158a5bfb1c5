"""Look headers up in ASGI's list: names are lower-case bytes, the order is the request's."""

from collections.abc import Iterable, Sequence

RawHeaders = Sequence[tuple[bytes, bytes]]


def values_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Return every value of a header, in order."""
    return [value for key, value in headers if key == name]


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """Return the first value of a header, as Starlette does; empty when it is absent."""
    return next((value for key, value in headers if key == name), b"")
