"""TLS as a server: the certificate, and the authority for client certificates."""

import ssl
from pathlib import Path

from gateway.http.watched_tls import WatchedTls, new_context, no_password
from gateway.settings.gateway import GatewaySettings

NAMES = "MMHIE_TLS_CERTIFICATE, MMHIE_TLS_KEY or MMHIE_TLS_CLIENT_CA"


def load_server_tls(settings: GatewaySettings) -> WatchedTls | None:
    """Load the files; return None without TLS, raise SettingsError for files that are unusable."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return None
    client_ca = settings.tls_client_ca
    files = (certificate, key, client_ca)
    return WatchedTls(NAMES, files, lambda: make_server_context(certificate, key, client_ca))


def make_server_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """Return a new context; raises OSError.

    Loading new files into the old context could leave half of a pair in it, or keep a certificate
    with another type of key.
    """
    context = new_context(ssl.PROTOCOL_TLS_SERVER)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key, password=no_password)
    return context
