"""Protect a gateway without keys against web pages of other origins.

The browser of somebody in this network can be made to send requests here: by a domain name that
points to this gateway (DNS rebinding), or by a form, which needs no CORS. So only local names,
listed origins and JSON bodies are accepted.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from gateway.errors import Forbidden, GatewayError, UnsupportedMediaType

ANY = "*"
HOST = (
    "This gateway has no keys and answers under local names only; list this one in "
    "MMHIE_ALLOWED_HOSTS, or configure keys."
)
ORIGIN = (
    "This gateway has no keys and takes nothing from pages elsewhere; list their origin in "
    "MMHIE_CORS_ORIGINS, or configure keys."
)
MEDIA = "The body is not declared as JSON; send `Content-Type: application/json`."


@dataclass(frozen=True, slots=True)
class LocalCallers:
    """Host names and origins that are accepted besides local ones."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str], origins: Iterable[str]) -> "LocalCallers":
        return cls(frozenset(map(str.lower, hosts)), frozenset(origins))

    def accepts_host(self, host: str) -> bool:
        """Return whether a Host header has a local or a listed name."""
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return ANY in self.hosts or name in self.hosts or is_local(name)

    def accepts_origin(self, origin: str, host: str) -> bool:
        """Return whether a page is the gateway's own, or has a listed origin."""
        same = origin.partition("://")[2].lower() == host.lower()
        return same or origin in self.origins or ANY in self.origins


@lru_cache(maxsize=1024)
def find_refusal(
    callers: LocalCallers, host: bytes, origin: bytes, media: bytes | None
) -> tuple[type[GatewayError], str] | None:
    """Return the error for these headers, or None. `media` is the body's Content-Type, None without
    a body; programs that send neither Content-Type nor Origin are accepted."""
    name = host.decode("latin-1")
    try:
        if not callers.accepts_host(name):
            return Forbidden, HOST
    except ValueError:  # unclosed brackets
        return Forbidden, HOST
    if origin and not callers.accepts_origin(origin.decode("latin-1"), name):
        return Forbidden, ORIGIN
    if media is not None and (media or origin) and not is_json(media):
        return UnsupportedMediaType, MEDIA
    return None


def is_json(media: bytes) -> bool:
    return media.partition(b";")[0].strip().lower() == b"application/json"


def is_local(name: str) -> bool:
    """Return whether a name is an IP address, `localhost`, or has no domain, like those of
    containers. Nobody outside can make such a name point here."""
    if "." not in name and ":" not in name:
        return True
    if name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
