"""Check that the connection to a service on another machine is encrypted."""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import Final

from assurance.acceptance.check import Check, NotApplicable, Verdict
from assurance.acceptance.target import Target, Unmeasured
from launcher.terminal.api_client import split_url

TIMEOUT_S: Final = 10.0
LEAST_DAYS: Final = 7
PLAIN: Final = "plain text"


@dataclass(frozen=True, slots=True)
class Encryption:
    """TLS version at the address, and days until its certificate expires."""

    version: str
    days_left: float = 0.0


async def measure(target: Target) -> Encryption:
    """Connect over TLS, and verify the certificate as a client would."""
    parts = split_url(target.url)
    if parts.scheme != "https":
        if target.is_local:
            raise NotApplicable("The address is on this machine; name the one that clients use")
        return Encryption(PLAIN)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=ssl.create_default_context()
            )
    except OSError as error:  # TLS error, network error, or timeout
        raise Unmeasured(f"No encrypted connection ({type(error).__name__})") from None
    connection = writer.get_extra_info("ssl_object")
    expires = ssl.cert_time_to_seconds(str(connection.getpeercert()["notAfter"]))
    writer.close()
    return Encryption(str(connection.version()), round((expires - time.time()) / 86_400, 1))


def judge(measured: Encryption) -> Verdict:
    """Pass if TLS is used and the certificate is valid for `LEAST_DAYS` more days.

    Python refuses TLS before 1.2 by default.
    """
    days = measured.days_left
    return Verdict(
        {
            "Patients' text crosses the network unencrypted: serve https.": (
                measured.version == PLAIN
            ),
            f"The certificate ends in {days:.0f} days: renew it.": days < LEAST_DAYS,
        },
        "The connection is encrypted, and the certificate is trusted.",
        f"{measured.version}, {days:.0f} days left",
        f"TLS 1.2 or later, {LEAST_DAYS} days",
    )


CHECK: Final = Check("encryption", measure, judge)
