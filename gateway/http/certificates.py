"""The end of the gateway's own certificates."""

import time
from pathlib import Path

from gateway.runtime.files import open_regular
from gateway.settings.gateway import GatewaySettings

MOST_BYTES = 1 << 20  # of a file with certificates: many times what a chain has
WARN_S = 14 * 86_400.0  # before a certificate expires


def certificate_ends(settings: GatewaySettings) -> dict[str, float]:
    """Return the end of each certificate, in seconds since 1970, by the name of its setting."""
    files = {
        "MMHIE_TLS_CERTIFICATE": settings.tls_certificate,
        "MMHIE_CLIENT_CERTIFICATE": settings.client_tls.certificate,
    }
    ends = {name: read_end(path) for name, path in files.items() if path is not None}
    return {name: end for name, end in ends.items() if end is not None}


def certificate_warnings(settings: GatewaySettings) -> list[str]:
    """Return a sentence for each that expires within two weeks, or has expired."""
    now = time.time()
    return [
        f"The certificate in {name} {describe(end, now)}; renew it."
        for name, end in certificate_ends(settings).items()
        if end - now < WARN_S
    ]


def describe(end: float, now: float) -> str:
    verb = "expires" if end > now else "expired"
    return f"{verb} on {time.strftime('%Y-%m-%d at %H:%M UTC', time.gmtime(end))}"


def read_end(path: Path) -> float | None:
    """Return the end of the first certificate in a file; None if there is none, of which those warn
    who use the file."""
    from cryptography import x509  # only with TLS: 20 ms

    try:
        with open_regular(path) as file:
            certificate = x509.load_pem_x509_certificate(file.read(MOST_BYTES))
        return certificate.not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None
