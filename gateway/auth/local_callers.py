"""Callers of a gateway without keys: programs of this machine and network, and its own pages.

A web page elsewhere can send requests from the browser of somebody who reaches this gateway, under
a name of its own that now points here (DNS rebinding) or as a form that needs no permission. With
keys it has none; without, the names under which the gateway answers are limited.
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
    """The names and origins that are taken beside local ones."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str], origins: Iterable[str]) -> "LocalCallers":
        return cls(frozenset(map(str.lower, hosts)), frozenset(origins))

    def takes_host(self, host: str) -> bool:
        """Return whether a name cannot be one that somebody elsewhere has made."""
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return ANY in self.hosts or name in self.hosts or is_local(name)

    def takes_origin(self, origin: str, host: str) -> bool:
        """Return whether a page is ours, or of a listed origin."""
        same = origin.partition("://")[2].lower() == host.lower()
        return same or origin in self.origins or ANY in self.origins


@lru_cache(maxsize=1024)
def refusal(
    callers: LocalCallers, host: bytes, origin: bytes, media: bytes | None
) -> tuple[type[GatewayError], str] | None:
    """Return the error for these headers, of which nearly all requests have the same; `media` is
    the declared type of the body, None where there is no body.

    A form can be sent from any page; programs that declare nothing are taken, and have no origin.
    """
    name = host.decode("latin-1")
    try:
        if not callers.takes_host(name):
            return Forbidden, HOST
    except ValueError:  # unclosed brackets
        return Forbidden, HOST
    if origin and not callers.takes_origin(origin.decode("latin-1"), name):
        return Forbidden, ORIGIN
    if media is not None and (media or origin) and not is_json(media):
        return UnsupportedMediaType, MEDIA
    return None


def is_json(media: bytes) -> bool:
    return media.partition(b";")[0].strip().lower() == b"application/json"


def is_local(name: str) -> bool:
    """Return whether a name is an address, `localhost`, or one without a domain, as containers and
    machines of a network have: none of them is anybody's to point elsewhere."""
    if "." not in name and ":" not in name:
        return True
    if name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
