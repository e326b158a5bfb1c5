"""Check that the connection to a service on another machine is encrypted."""

import asyncio
import ssl
import time
from typing import Final

from assurance.acceptance.check import NotApplicable
from assurance.acceptance.target import CheckFailed, Target
from launcher.terminal.api_client import split_url

TIMEOUT_S: Final = 10.0
LEAST_DAYS: Final = 7


async def check(target: Target) -> str:
    """Pass if the certificate is trusted, and valid for `LEAST_DAYS` more days."""
    if split_url(target.url).scheme != "https":
        if target.is_local:
            raise NotApplicable("The address is on this machine; name the one that clients use")
        raise CheckFailed("Patients' text crosses the network unencrypted: serve https")
    version, days = await connect(target.url)
    if days < LEAST_DAYS:
        raise CheckFailed(f"The certificate ends in {days:.0f} days: renew it")
    return f"The connection is encrypted ({version}), the certificate trusted for {days:.0f} days."


async def connect(url: str) -> tuple[str, float]:
    """Return the TLS version, and the days until the certificate expires; verify it as a client.

    Python refuses TLS before 1.2 by default.
    """
    parts, context = split_url(url), ssl.create_default_context()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=context
            )
    except OSError as error:  # TLS error, network error, or timeout
        raise CheckFailed(f"No encrypted connection ({type(error).__name__})") from None
    connection = writer.get_extra_info("ssl_object")
    expires = ssl.cert_time_to_seconds(str(connection.getpeercert()["notAfter"]))
    writer.close()
    return str(connection.version()), (expires - time.time()) / 86_400
