"""Cross-origin resource sharing (CORS): no web page has access unless its origin is listed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.http.exchange import RawHeaders, value_of

Headers = tuple[tuple[bytes, bytes], ...]
ANY = b"*"
METHODS = b"GET, HEAD, POST"
# Response headers that a page may read.
EXPOSED = (
    b"X-Request-Id, X-MMHIE-Disclaimer-Version, X-MMHIE-AI-Generated, X-MMHIE-Notices, "
    b"Retry-After, WWW-Authenticate"
)
HEADER_NAMES = re.compile(rb"[A-Za-z0-9, _-]{1,1024}")
MAX_AGE_S = b"600"


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """The allowed origins, `https://host[:port]`, or `*`. Cookies are no credentials here:
    a listed page can use a key that it has, and no page one that its reader has elsewhere."""

    allowed: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, origins: Iterable[str]) -> "CorsPolicy":
        return cls(frozenset(origin.encode() for origin in origins))

    def headers(self, request: RawHeaders) -> Headers:
        """Return the headers of every response to an allowed origin."""
        origin = self._allow(value_of(request, b"origin"))
        if not origin:
            return ()
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED),
            (b"vary", b"Origin"),
        )

    def preflight(self, method: str, request: RawHeaders) -> Headers | None:
        """Return the headers of a preflight response, which needs no key; None when this is not a
        preflight request from an allowed origin."""
        if method != "OPTIONS" or not value_of(request, b"access-control-request-method"):
            return None
        if not self._allow(value_of(request, b"origin")):
            return None
        wanted = value_of(request, b"access-control-request-headers")
        names = wanted if HEADER_NAMES.fullmatch(wanted) else b""
        return (
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", names),
            (b"access-control-max-age", MAX_AGE_S),
        )

    def _allow(self, origin: bytes) -> bytes:
        """Return the value of Access-Control-Allow-Origin; empty for an origin not allowed."""
        if not origin:
            return b""
        return ANY if ANY in self.allowed else origin if origin in self.allowed else b""
