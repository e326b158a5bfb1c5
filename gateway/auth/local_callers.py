"""Protect a gateway without keys against web pages of other origins.

The browser of somebody in this network can be made to send requests here: by a domain name that
points to this gateway (DNS rebinding), or by a form, which needs no CORS. So only local names,
listed origins and JSON bodies are accepted.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.errors import Forbidden, UnsupportedMediaType
from gateway.http.exchange import RawHeaders

ANY = "*"
BODY = frozenset({b"content-length", b"transfer-encoding"})  # headers of a request with a body
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

    def check(self, headers: RawHeaders) -> None:
        """Raise Forbidden or UnsupportedMediaType for a request that a page of another origin could
        send. Programs that send neither Content-Type nor Origin are accepted."""
        sent = dict(reversed(headers))  # the first of several
        host, origin = (sent.get(name, b"").decode("latin-1") for name in (b"host", b"origin"))
        if not self.accepts_host(host):
            raise Forbidden(HOST)
        if origin and not self.accepts_origin(origin, host):
            raise Forbidden(ORIGIN)
        media = sent.get(b"content-type", b"")
        if not BODY.isdisjoint(sent) and (media or origin) and not is_json(media):
            raise UnsupportedMediaType(MEDIA)

    def accepts_host(self, host: str) -> bool:
        """Return whether a Host header has a local or a listed name."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:  # unclosed brackets
            return False
        return ANY in self.hosts or name in self.hosts or is_local(name)

    def accepts_origin(self, origin: str, host: str) -> bool:
        """Return whether a page is the gateway's own, or has a listed origin."""
        same = origin.partition("://")[2].lower() == host.lower()
        return same or origin in self.origins or ANY in self.origins


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
