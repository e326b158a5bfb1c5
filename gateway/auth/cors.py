"""Which web pages may ask from within a browser (CORS): none unless they are listed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.http.headers import value_of

Headers = tuple[tuple[bytes, bytes], ...]
ANY = b"*"
METHODS = b"GET, HEAD, POST"
# What a page may read of an answer beside its body.
EXPOSED = (
    b"X-Request-Id, X-MMHIE-Disclaimer-Version, X-MMHIE-AI-Generated, Retry-After, WWW-Authenticate"
)
HEADER_NAMES = re.compile(rb"[A-Za-z0-9, _-]{1,1024}")
MAX_AGE_S = b"600"


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """The pages' own origins, `https://host[:port]`, or `*`. No cookie is a credential here, so a
    listed page can ask with a key that it holds, and no page with one that it does not."""

    allowed: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, origins: Iterable[str]) -> "CorsPolicy":
        return cls(frozenset(origin.encode() for origin in origins))

    def headers(self, asked: Iterable[tuple[bytes, bytes]]) -> Headers:
        """What every answer to a page of an allowed origin carries."""
        told = allowed_of(self.allowed, value_of(asked, b"origin"))
        if not told:
            return ()
        return (
            (b"access-control-allow-origin", told),
            (b"access-control-expose-headers", EXPOSED),
            (b"vary", b"Origin"),
        )

    def preflight(self, method: str, asked: Iterable[tuple[bytes, bytes]]) -> Headers | None:
        """The answer to a browser that asks beforehand, which it does without a key; None when
        this is no such question, or not from an allowed page."""
        asked = tuple(asked)
        if method != "OPTIONS" or not value_of(asked, b"access-control-request-method"):
            return None
        if not allowed_of(self.allowed, value_of(asked, b"origin")):
            return None
        wanted = value_of(asked, b"access-control-request-headers")
        names = wanted if HEADER_NAMES.fullmatch(wanted) else b""
        return (
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", names),
            (b"access-control-max-age", MAX_AGE_S),
        )


def allowed_of(allowed: frozenset[bytes], origin: bytes) -> bytes:
    """What is said to an origin; empty for one that is not allowed."""
    if not origin:
        return b""
    return ANY if ANY in allowed else origin if origin in allowed else b""
