"""TLS as a client: the authorities that the gateway trusts, and its own certificate."""

import ssl
from pathlib import Path

from gateway.http.watched_tls import WatchedTls, new_context, no_password
from gateway.settings.base import TlsFiles

NAMES = "MMHIE_CA_FILE or MMHIE_CLIENT_CERTIFICATE"


class ClientTls(WatchedTls):
    """The context for connections to engine, Redis and FHIR server."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises SettingsError for a file that cannot be used."""
        super().__init__(NAMES, files, lambda: make_context(*files))


def make_context(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Return a context that checks the server's certificate and host name; raises OSError."""
    context = new_context(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca)
    if certificate is not None:
        context.load_cert_chain(certificate, password=no_password)
    return context
