"""No way out: connections to fixed hosts of the world are tried, and none is made."""

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from assurance.acceptance.check import Check, Verdict
from assurance.acceptance.host import Host

PATIENCE_S: Final = 5.0
CONNECTED: Final = "connected"


@dataclass(frozen=True, slots=True)
class Egress:
    """Outcome of a TCP connection to each host."""

    outcomes: dict[str, str]


async def measure(host: Host) -> Egress:
    """Try every host at once."""
    tried = host.facts.tried
    outcomes = await asyncio.gather(*map(outcome_of, tried))
    return Egress(dict(zip(tried, outcomes, strict=True)))


async def outcome_of(address: str) -> str:
    """Connect to host:port, hang up, and return what happened."""
    parts = urlsplit(f"//{address}")
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except TimeoutError:
        return "no answer"
    except socket.gaierror:
        return "no such name"
    except OSError as error:
        return os.strerror(error.errno).lower() if error.errno else "not reachable"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return CONNECTED


def judge(measured: Egress) -> Verdict:
    """None was reached."""
    reached = [host for host, outcome in measured.outcomes.items() if outcome == CONNECTED]
    return Verdict(
        {f"There is a way out to {', '.join(reached)}.": reached},
        f"None of {len(measured.outcomes)} hosts could be reached over TCP.",
        "; ".join(f"{host}: {outcome}" for host, outcome in measured.outcomes.items()),
        "none connected",
    )


CHECK: Final = Check("egress", Egress, measure, judge)
