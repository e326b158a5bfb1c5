"""TLS for callers: a certificate and its key, and whose certificates callers must show, if any."""

import ssl
from pathlib import Path

from gateway.files import FileUnusable, WatchedFile
from gateway.logs import log
from gateway.settings import GatewaySettings, SettingsError


class Tls:
    """The context that connections are made with. A certificate that is renewed on disk is taken
    without a restart; one that cannot be used changes nothing, and the log tells."""

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
            certificate, key, read=self._renew, initial=None, name="the TLS certificate"
        )
        self._watched.skip()
        self._load(self.context)

    def renew(self) -> None:
        """Load the certificate again if it or its key has changed."""
        self._watched.refresh()

    def _renew(self) -> None:
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


def tls_of(settings: GatewaySettings) -> Tls | None:
    """What the settings mean; None for plain HTTP. Raises SettingsError."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        return Tls(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    except OSError as problem:
        is_format = isinstance(problem, ssl.SSLError)
        reason = "not a certificate and its key" if is_format else problem.strerror
        raise SettingsError(
            f"MMHIE_TLS_CERTIFICATE, MMHIE_TLS_KEY or MMHIE_TLS_CLIENT_CA cannot be used "
            f"({reason}); the files are PEM, and the key has no password."
        ) from None
