"""TLS for callers: the server's certificate, and the authority that callers' certificates need."""

import ssl
from pathlib import Path
from typing import Self

from gateway.runtime.files import FileUnusable, WatchedFile
from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings, SettingsError


class Tls:
    """The context of new connections. A certificate that is renewed on disk is loaded without a
    restart; one that cannot be used changes nothing and is logged."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        """Raises OSError (ssl.SSLError is one) when a file cannot be used."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._files = (certificate, key)
        if client_ca is not None:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self._watched = WatchedFile(
            certificate, key, read=self._reload, initial=None, name="MMHIE_TLS_CERTIFICATE"
        )
        self._watched.skip()
        self._load(self.context)

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self | None:
        """Return None for plain HTTP; raises SettingsError."""
        if settings.tls_certificate is None or settings.tls_key is None:
            return None
        try:
            return cls(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        except OSError as problem:
            is_format = isinstance(problem, ssl.SSLError)
            reason = "not a certificate and its key" if is_format else problem.strerror
            raise SettingsError(
                f"MMHIE_TLS_CERTIFICATE, MMHIE_TLS_KEY or MMHIE_TLS_CLIENT_CA cannot be used "
                f"({reason}); the files are PEM, and the key has no password."
            ) from None

    def reload_if_changed(self) -> None:
        """Load the certificate and its key again when one of the files has changed."""
        self._watched.refresh()

    def _reload(self) -> None:
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # half of a pair would stay loaded
            self._load(self.context)
        except OSError as error:
            raise FileUnusable(str(error.strerror)) from None
        log.info("the TLS certificate is renewed")

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key = self._files
        context.load_cert_chain(certificate, key, password=no_password)


def no_password() -> str:
    """OpenSSL would ask at the terminal and wait."""
    return ""
