"""TLS with the engine that failed, in words of a person."""

import ssl

from gateway.errors import EngineUnavailable

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
