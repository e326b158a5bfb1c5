"""Check that the connection to a service on another machine is encrypted."""

from assurance.acceptance.check import NotApplicable
from assurance.acceptance.target import CheckFailed, Target
from launcher.terminal.api_client import split_url


async def check(target: Target) -> str:
    """Pass if the service answers over TLS; the client verifies its certificate."""
    if split_url(target.url).scheme == "https":
        await target.get("/healthz")
        return "The connection is encrypted, and the certificate is trusted."
    if target.is_local:
        raise NotApplicable("The address is on this machine; name the one that clients use")
    raise CheckFailed("Patients' text crosses the network unencrypted: serve https")
