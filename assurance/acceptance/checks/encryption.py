"""The hop to the engine is encrypted where it leaves this host."""

import asyncio
import ssl
from dataclasses import dataclass
from itertools import chain
from typing import Final
from urllib.parse import urlsplit

from assurance.acceptance.check import Check, NotApplicable, Unmeasured, Verdict
from assurance.acceptance.host import Host
from gateway.engine.tls import explain_handshake
from gateway.http.client_tls import ClientTls
from gateway.settings.engine import is_encrypted, is_plain_elsewhere

PATIENCE_S: Final = 10.0
PLAIN: Final = "plain text"


@dataclass(frozen=True, slots=True)
class Hops:
    """Each address of an engine elsewhere, and the version of TLS there."""

    versions: dict[str, str]


async def measure(host: Host) -> Hops:
    """Shake hands with every engine as the gateway does."""
    urls = dict.fromkeys(chain(*host.settings.engine_addresses.values()))
    elsewhere = [url for url in urls if is_encrypted(url) or is_plain_elsewhere(url)]
    if not elsewhere:
        raise NotApplicable(f"{', '.join(urls)} does not leave this host (MMHIE_ENGINE_URL)")
    context = ClientTls(host.settings.engine_tls).context()
    return Hops({url: await version_of(url, context) for url in elsewhere})


async def version_of(url: str, context: ssl.SSLContext) -> str:
    """Return the version of TLS at an address. Raises Unmeasured."""
    if not is_encrypted(url):
        return PLAIN
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=context
            )
    except ssl.SSLError as error:
        raise Unmeasured(f"{url}: {str(explain_handshake(error)).rstrip('.')}") from None
    except (OSError, UnicodeError):  # TimeoutError is one; the other is of a name that is none
        raise Unmeasured(f"{url} cannot be reached") from None
    version = str(writer.get_extra_info("ssl_object").version())
    writer.close()
    return version


def judge(measured: Hops) -> Verdict:
    """None is plain; the context refuses TLS before 1.2."""
    plain = [url for url, version in measured.versions.items() if version == PLAIN]
    return Verdict(
        {f"Patients' text crosses a network unencrypted to {', '.join(plain)}.": plain},
        "The hop to the engine is encrypted, and the engine's certificate is checked.",
        "; ".join(f"{url}: {version}" for url, version in measured.versions.items()),
        "TLS 1.2 or later",
    )


CHECK: Final = Check("encrypted hop", Hops, measure, judge)
