"""Check a request's head: framing, Host, method and target."""

import re

from gateway.errors import (
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    UnsupportedEncoding,
)
from gateway.http.exchange import RawHeaders, values_of

VERSIONS = ("1.1", "1.0")
METHODS = "GET, HEAD, POST"
ENCODED_FROM = (
    b"/v1/models/"  # a model's id may contain a slash; no other path needs percent-encoding
)

MALFORMED = "The request is not valid HTTP/1.1; the connection is closed."
ENCODED = "Content-Encoding is not supported; send the body uncompressed."
NO_PATH = "There is nothing at this path; the API is described at /docs."


def is_of_another_protocol(read: bytes, url: bytes) -> bool:
    """Return True if the request line names RTSP or ICE, which the parser accepts as HTTP.

    The parser does not report the protocol, so it is searched for in the bytes after the target.
    """
    line = rb"[ \t]%b[ \t]{1,9999}(?:RTSP|ICE)/" % re.escape(url)  # the parser skips spaces
    return re.search(line, read) is not None


def error_in_head(
    method: bytes, url: bytes, version: str, framing_headers: RawHeaders
) -> GatewayError | None:
    """Return the error in a head, or None.

    The parser itself refuses two lengths, a length with chunked encoding, folded lines, bare line
    feeds, spaces before a colon, and bad chunk sizes.
    """
    if version not in VERSIONS:
        return InvalidRequest("The HTTP version is not supported; send HTTP/1.1 or HTTP/1.0.")
    return error_in_headers(version, framing_headers) or error_in_target(method, url)


def error_in_headers(version: str, framing_headers: RawHeaders) -> GatewayError | None:
    """Refuse headers that two servers might interpret differently."""
    hosts = len(values(framing_headers, b"host"))
    if hosts > 1 or (not hosts and version == "1.1"):
        return InvalidRequest("The request must have exactly one Host header.")
    if any(b"_" in name for name, _ in framing_headers):
        return InvalidRequest("Transfer-Encoding and Content-Length are written with a hyphen.")
    codings = values(framing_headers, b"transfer-encoding")
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return InvalidRequest(
            "Transfer-Encoding is not supported here; send `chunked` in HTTP/1.1, or a length."
        )
    encodings = values(framing_headers, b"content-encoding")
    if any(encoding not in (b"", b"identity") for encoding in encodings):
        return UnsupportedEncoding(ENCODED)
    return None


def values(headers: RawHeaders, name: bytes) -> list[bytes]:
    return [value.strip().lower() for value in values_of(headers, name)]


def error_in_target(method: bytes, url: bytes) -> GatewayError | None:
    """Refuse tunnels, and alternative spellings of a path."""
    if method == b"CONNECT":
        return MethodNotAllowed("CONNECT is not supported.", allow=METHODS)
    if not url.startswith(b"/") and url != b"*":
        return InvalidRequest("Proxy requests are not supported; send the path without a host.")
    path = url.partition(b"?")[0]
    if b"#" in url:
        return InvalidRequest("The request target has a fragment; send it without one.")
    if b"%" in path and not path.startswith(ENCODED_FROM):
        return NotFound(NO_PATH)
    return None


def head_size(url: bytes, headers: RawHeaders) -> int:
    """Return the size of a head in bytes, as it was sent."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)
