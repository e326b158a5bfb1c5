"""TLS as a server: the certificate, and the authority for client certificates."""

import ssl
from pathlib import Path
from typing import Self

from gateway.runtime.files import FileUnusable, WatchedFile
from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings, SettingsError


class Tls:
    """The TLS context for new connections, renewed when a file changes. If the new files cannot
    be used, the old context stays and the error is logged."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        """Raises OSError (ssl.SSLError is one) when a file cannot be used."""
        self._files = (certificate, key, client_ca)
        self._watched = WatchedFile[ssl.SSLContext](
            *filter(None, self._files),
            read=self._renew,
            initial=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            name="MMHIE_TLS_CERTIFICATE",
        )
        self._watched.skip()
        self._watched.value = make_context(*self._files)

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the files as they were last read."""
        return self._watched.value

    @classmethod
    def from_settings(cls, settings: GatewaySettings) -> Self | None:
        """Load the files; returns None without TLS, raises SettingsError."""
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
        """Load the files again if one of them has changed."""
        self._watched.refresh()

    def _renew(self) -> ssl.SSLContext:
        try:
            context = make_context(*self._files)
        except OSError as error:
            raise FileUnusable(str(error.strerror)) from None
        log.info("the TLS certificate is renewed")
        return context


def make_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """Return a new context; raises OSError.

    Loading new files into the old context could leave half of a pair in it, or keep a certificate
    with another type of key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key, password=no_password)
    return context


def no_password() -> str:
    """Return no password; OpenSSL would otherwise prompt at the terminal."""
    return ""
