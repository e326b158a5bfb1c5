"""What is refused of a request's head before anything looks at the request itself."""

import re
from collections.abc import Iterable, Sequence

from gateway.errors import (
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    UnsupportedEncoding,
)

# The headers that decide where a request ends, or that its body would have to be decoded.
WATCHED = frozenset({b"host", b"transfer-encoding", b"content-encoding", b"expect"})
VERSIONS = ("1.1", "1.0")
METHODS = "GET, HEAD, POST"
# A model's id may hold a slash; nowhere else has a path of ours a character to be encoded.
PLAIN_TARGET = re.compile(rb"/[^%#?]*")
ENCODED_FROM = b"/v1/models/"

RawHeaders = Sequence[tuple[bytes, bytes]]

MALFORMED = "This is not well-formed HTTP/1.1; the connection is closed."
ENCODED = "Bodies are taken as they are; send this one without Content-Encoding."
NO_PATH = "There is nothing at this path; the API is described at /docs."


def is_plain(version: str, url: bytes, watched: RawHeaders) -> bool:
    """Whether there is nothing to look at twice, as in nearly every request."""
    return (
        version == "1.1"
        and len(watched) == 1
        and watched[0][0] == b"host"
        and PLAIN_TARGET.fullmatch(url) is not None
    )


def fault(method: bytes, url: bytes, version: str, watched: RawHeaders) -> GatewayError | None:
    """What is wrong with a head; None when nothing is.

    The parser has refused the coarser things already: two lengths, a length beside chunks, folded
    lines, bare line feeds, spaces before a colon, bad chunk sizes.
    """
    if version not in VERSIONS:
        return InvalidRequest("Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    return fault_of_headers(version, watched) or fault_of_method(method) or fault_of_target(url)


def fault_of_headers(version: str, watched: RawHeaders) -> GatewayError | None:
    """Hosts, codings: whatever two servers might understand in two ways."""
    if len(watched) == 1 and watched[0][0] == b"host":  # nearly always
        return None
    hosts = len(values(watched, b"host"))
    if hosts > 1 or (not hosts and version == "1.1"):
        return InvalidRequest("Exactly one Host header is needed.")
    codings = values(watched, b"transfer-encoding")
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return InvalidRequest("The only Transfer-Encoding taken is `chunked`, in HTTP/1.1.")
    if any(coding not in (b"", b"identity") for coding in values(watched, b"content-encoding")):
        return UnsupportedEncoding(ENCODED)
    return None


def values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value.strip().lower() for key, value in headers if key == name]


def fault_of_method(method: bytes) -> GatewayError | None:
    """A tunnel has no path to be refused by."""
    if method == b"CONNECT":
        return MethodNotAllowed("This is no proxy.", allow=METHODS)
    return None


def fault_of_target(url: bytes) -> GatewayError | None:
    """A path is taken as it is written: one way to write it, one meaning."""
    if not url.startswith(b"/") and url != b"*":
        return InvalidRequest("This is no proxy: send the path alone, not a whole address.")
    path = url.partition(b"?")[0]
    if b"#" in url:
        return InvalidRequest("A fragment is not part of a request.")
    if b"%" in path and not path.startswith(ENCODED_FROM):
        return NotFound(NO_PATH)
    return None


def size(url: bytes, headers: RawHeaders) -> int:
    """A head's length in bytes, as it was sent."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)
