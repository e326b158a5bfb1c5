"""TLS as a client: whom the gateway believes, and the certificate that it shows."""

import ssl
from pathlib import Path
from typing import Self

from gateway.errors import EngineUnavailable
from gateway.runtime.files import FileUnusable, WatchedFile
from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings, SettingsError

NAMES = "MMHIE_{}_TLS_CA, _CERTIFICATE or _KEY"
RETRY_S = 5  # certificates are mended by people
# OpenSSL's numbers (X509_V_ERR_*), where a person can do more than look at the certificate.
FAULTS = {
    9: "is not valid yet; check its dates and the clocks",
    10: "has expired; renew it",
    62: "is for another host name; use a name that is in it in MMHIE_ENGINE_URL",
    64: "is for another address; use a name that is in it in MMHIE_ENGINE_URL",
}
UNTRUSTED = "is not from a CA that is trusted; name its CA in MMHIE_ENGINE_TLS_CA"


class EngineUntrusted(EngineUnavailable):
    """TLS with the engine failed: it is not who it should be, or does not believe us."""


class ClientTls:
    """The context of new connections, made again when one of the files has changed. Files that
    cannot be used change nothing and are reported."""

    def __init__(
        self, ca: Path | None, certificate: Path | None, key: Path | None, *, of: str = "ENGINE"
    ) -> None:
        """`of` is what the names of the settings have in the middle. Raises FileUnusable."""
        paths = [path for path in (ca, certificate, key) if path is not None]
        self._files = (ca, certificate, key)
        self._names = NAMES.format(of)
        self._watched = WatchedFile[ssl.SSLContext](
            *paths, read=self._renew, initial=self._read(), name=self._names
        )
        self._watched.skip()

    @classmethod
    def of(cls, settings: GatewaySettings, of: str = "ENGINE") -> Self:
        """Raises SettingsError for a file of these settings that cannot be used."""
        files = (f"{of.lower()}_tls_{file}" for file in ("ca", "certificate", "key"))
        try:
            return cls(*(getattr(settings, file) for file in files), of=of)
        except FileUnusable as problem:
            raise SettingsError(
                f"{NAMES.format(of)} cannot be used ({problem}); the files are PEM, and the key "
                "has no password."
            ) from None

    def context(self) -> ssl.SSLContext:
        """Return the context of the files as they are now."""
        return self._watched.current()

    def warnings(self) -> list[str]:
        """Return what an operator should know."""
        return [self._watched.problem] if self._watched.problem else []

    def _renew(self) -> ssl.SSLContext:
        context = self._read()
        log.info("the files of %s are renewed", self._names)
        return context

    def _read(self) -> ssl.SSLContext:
        try:
            return context_of(*self._files)
        except OSError as error:  # ssl.SSLError is one
            is_format = isinstance(error, ssl.SSLError)
            reason = "not certificates, or not their key" if is_format else error.strerror
            raise FileUnusable(str(reason)) from None


def context_of(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context that checks the server's certificate and its host name; raises OSError.

    Not `ssl.create_default_context`: that writes session keys where SSLKEYLOGFILE says.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca)
    if certificate is not None:  # OpenSSL would ask for a password at the terminal, and wait
        context.load_cert_chain(certificate, key, password=lambda: "")
    return context


def explain_handshake(error: ssl.SSLError) -> EngineUntrusted:
    """Return what a handshake that failed means for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = FAULTS.get(error.verify_code, UNTRUSTED)
        return EngineUntrusted(f"The engine's certificate {problem}.", retry_after_s=RETRY_S)
    return EngineUntrusted(
        "TLS with the engine failed; check that it speaks TLS 1.2 or later at MMHIE_ENGINE_URL.",
        retry_after_s=RETRY_S,
    )


def explain_hang_up() -> EngineUntrusted:
    """Return what it means that an engine hangs up after the handshake, before any answer: in TLS
    1.3 that is how it refuses our certificate."""
    return EngineUntrusted(
        "The engine closed the connection without an answer; if it wants a client certificate, "
        "check MMHIE_ENGINE_TLS_CERTIFICATE.",
        retry_after_s=RETRY_S,
    )
