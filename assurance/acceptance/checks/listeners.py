"""Only the intended ports are open to other hosts."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.host import Host

LISTENING: Final = "0A"  # the kernel's TCP_LISTEN
WORD: Final = 8  # digits of 32 bits, which the kernel writes in the machine's order


@dataclass(frozen=True, slots=True)
class Listeners:
    """Addresses that listen, and the ports that are meant to."""

    outside: tuple[str, ...]
    loopback: int
    intended: tuple[int, ...]

    @property
    def others(self) -> list[str]:
        """Those that nobody meant."""
        return [address for address in self.outside if port_of(address) not in self.intended]

    @property
    def is_served(self) -> bool:
        return any(port_of(address) in self.intended for address in self.outside)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def measure(host: Host) -> Listeners:
    """Read the kernel's tables of this network namespace."""
    files = [host.proc / "net" / name for name in ("tcp", "tcp6")]
    listening = [address for file in files for address in listening_in(file)]
    outside = [f"{ip}:{port}" for ip, port in listening if not is_own(ip)]
    return Listeners(tuple(outside), len(listening) - len(outside), host.facts.ports)


Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def listening_in(table: Path) -> Iterator[tuple[Ip, int]]:
    """Yield the addresses that listen, from one of the kernel's tables; IPv6 may be off."""
    lines = table.read_text().splitlines()[1:] if table.exists() else []
    for fields in map(str.split, lines):
        if fields[3] == LISTENING:
            digits, port = fields[1].split(":")
            yield ip_of(digits), int(port, 16)


def ip_of(digits: str) -> Ip:
    """Return an address as the kernel writes it."""
    words = [digits[place : place + WORD] for place in range(0, len(digits), WORD)]
    return ipaddress.ip_address(b"".join(bytes.fromhex(word)[::-1] for word in words))


def is_own(ip: Ip) -> bool:
    """Only this host can connect there."""
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def judge(measured: Listeners) -> Verdict:
    """The intended port is open, and no other."""
    meant, others = ", ".join(map(str, measured.intended)), measured.others
    unserved = f"Nothing listens on port {meant}: run this beside the service, or name --port."
    return Verdict(
        {
            f"Other hosts can connect to {', '.join(others)}.": others,
            unserved: not measured.is_served,
        },
        f"Other hosts can connect to port {meant} only.",
        f"{', '.join(measured.outside) or 'none'}; {measured.loopback} on loopback",
        f"port {meant}",
    )


CHECK: Final = Check("listeners", Listeners, measure, judge)
