"""The address of this machine under which the other nodes of its engine reach it."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Route:
    """An address of this machine, and the network interface that has it."""

    address: str
    interface: str


def towards(host: str) -> Route | None:
    """The route of packets to this host; none is sent. None where no way is known."""
    address = _source(host)
    if address is None:
        return None
    holders = psutil.net_if_addrs().items()
    names = (name for name, held in holders if address in {one.address for one in held})
    interface = next(names, None)
    return Route(address, interface) if interface else None


def _source(host: str) -> str | None:
    """Connecting a datagram socket only makes the kernel choose an address for it."""
    try:
        family, kind, protocol, _, peer = socket.getaddrinfo(host, 1, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(peer)
            return str(probe.getsockname()[0])
    except (OSError, UnicodeError):  # the latter for what is no host's name
        return None
