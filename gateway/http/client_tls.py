"""TLS as a client: the authorities that the gateway trusts, and its own certificate."""

import ssl
from pathlib import Path

from gateway.runtime.files import FileUnusable, WatchedFile
from gateway.runtime.log import log
from gateway.settings.base import SettingsError, TlsFiles

NAMES = "MMHIE_CA_FILE or MMHIE_CLIENT_CERTIFICATE"


class ClientTls:
    """The TLS context for new connections, renewed when one of the files changes. If the new
    files cannot be used, the old context stays and a warning is reported."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises SettingsError for a file that cannot be used."""
        self._files = files
        try:
            context = self._read()
        except FileUnusable as problem:
            raise SettingsError(
                f"{NAMES} cannot be used ({problem}); the files are PEM, and the key has no "
                "password."
            ) from None
        self._watched = WatchedFile[ssl.SSLContext](
            *filter(None, files), read=self._renew, initial=context, name=NAMES
        )
        self._watched.skip()

    def context(self) -> ssl.SSLContext:
        """Return the context for the current files."""
        return self._watched.current()

    def warnings(self) -> list[str]:
        """Return warnings for the operator."""
        return [self._watched.problem] if self._watched.problem else []

    def _renew(self) -> ssl.SSLContext:
        context = self._read()
        log.info("the files of %s are renewed", NAMES)
        return context

    def _read(self) -> ssl.SSLContext:
        try:
            return make_context(*self._files)
        except OSError as error:  # ssl.SSLError is one
            is_format = isinstance(error, ssl.SSLError)
            reason = "not certificates, or without a key" if is_format else error.strerror
            raise FileUnusable(str(reason)) from None


def make_context(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Return a context that checks the server's certificate and host name; raises OSError.

    `ssl.create_default_context` would write session keys to SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca)
    if certificate is not None:  # OpenSSL would ask for a password at the terminal, and wait
        context.load_cert_chain(certificate, password=lambda: "")
    return context
