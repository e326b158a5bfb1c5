"""The host or container in which `mmhie accept isolation` runs."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit
from urllib.request import getproxies

from gateway.settings.gateway import GatewaySettings
from launcher.errors import LauncherError

# By name and by address, so that neither a resolver nor a route alone decides: the model hub,
# vLLM's statistics, public resolvers, and a cloud's metadata service.
WORLD: Final = (
    *("huggingface.co:443", "stats.vllm.ai:443", "1.1.1.1:443", "8.8.8.8:53"),
    *("[2606:4700:4700::1111]:443", "169.254.169.254:80"),
)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The name of the host, the user of the check, the addresses to try, the ports that are meant
    to be open."""

    host: str
    user: str
    tried: tuple[str, ...]
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A host, seen from a process of it; `settings` are the gateway's in this environment."""

    facts: HostFacts
    settings: GatewaySettings
    proc: Path = Path("/proc")
    root: Path = Path("/")

    @classmethod
    def here(cls, settings: GatewaySettings, more: Sequence[str], ports: Sequence[int]) -> Self:
        """Return this host; a proxy of its environment would be a way out."""
        tried = dict.fromkeys((*WORLD, *proxies(), *more))
        intended = tuple(ports) or (settings.port,)
        return cls(
            HostFacts(socket.gethostname(), f"uid {os.getuid()}", tuple(tried), intended), settings
        )


def proxies() -> list[str]:
    """Return the proxies that this environment names, as host:port, without their passwords.
    Raises LauncherError."""
    return [place_of(scheme, url) for scheme, url in getproxies().items() if scheme != "no"]


def place_of(scheme: str, url: str) -> str:
    """Return host:port of a proxy. Raises LauncherError, without what may be a password."""
    try:
        place = urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
    except ValueError:
        place = ""
    for address in (place, f"{place}:80"):
        if is_address(address):
            return address
    raise LauncherError(f"{scheme}_proxy of this environment is no URL: correct it, or unset it.")


def is_address(text: str) -> bool:
    """Return whether a text is host:port."""
    try:
        parts = urlsplit(f"//{text}")
        (parts.hostname or "").encode("idna")  # as whoever looks it up
        return bool(parts.hostname and parts.port) and parts.netloc == text and "@" not in text
    except ValueError:
        return False
