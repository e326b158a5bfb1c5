"""The end of the gateway's own certificates."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Self

from gateway.runtime.files import FileUnusable, WatchedFile
from gateway.settings.gateway import GatewaySettings

WARN_S = 14 * 86_400.0  # before a certificate expires


class Certificates:
    """The ends of certificates, by the name of their setting; a renewed file is read again."""

    def __init__(self, files: Mapping[str, Path | None]) -> None:
        self._files = {
            name: WatchedFile[float](
                path, read=partial(read_end, path), initial=float("inf"), name=name
            )
            for name, path in files.items()
            if path is not None
        }

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        return cls(
            {
                "MMHIE_TLS_CERTIFICATE": settings.tls_certificate,
                "MMHIE_CLIENT_CERTIFICATE": settings.client_tls.certificate,
            }
        )

    def ends(self) -> dict[str, float]:
        """Return the end of each, in seconds since 1970."""
        return {name: file.current() for name, file in self._files.items()}

    def warnings(self) -> list[str]:
        """Return a sentence for each that expires within two weeks, or has expired."""
        now = time.time()
        return [
            f"The certificate in {name} {describe(end, now)}; renew it."
            for name, end in self.ends().items()
            if end - now < WARN_S
        ]


def describe(end: float, now: float) -> str:
    verb = "expires" if end > now else "expired"
    return f"{verb} on {time.strftime('%Y-%m-%d at %H:%M UTC', time.gmtime(end))}"


def read_end(path: Path) -> float:
    """Return the end of the first certificate in a file; raise FileUnusable."""
    from cryptography import x509  # only with TLS: 20 ms

    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()
    except OSError as error:
        raise FileUnusable(f"it cannot be read ({error.strerror})") from None
    except ValueError:
        raise FileUnusable("it has no certificate") from None
