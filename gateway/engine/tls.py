"""Failures of TLS with the engine, explained for a person."""

import ssl

from gateway.errors import EngineUnavailable

RETRY_S = 5
# OpenSSL's numbers (X509_V_ERR_*) with a specific remedy.
FAULTS = {
    9: "is not valid yet; check its dates and the clocks",
    10: "has expired; renew it",
    62: "is for another host name; use a name that is in it in MMHIE_ENGINE_URL",
    64: "is for another address; use a name that is in it in MMHIE_ENGINE_URL",
}
UNTRUSTED = "is not from a CA that is trusted; name its CA in MMHIE_CA_FILE"


class EngineUntrusted(EngineUnavailable):
    """TLS with the engine failed: one side does not trust the other's certificate."""


def explain_handshake(error: ssl.SSLError) -> EngineUntrusted:
    """Return the error for a failed handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = FAULTS.get(error.verify_code, UNTRUSTED)
        return EngineUntrusted(f"The engine's certificate {problem}.", retry_after_s=RETRY_S)
    return EngineUntrusted(
        "TLS with the engine failed; check that it speaks TLS 1.2 or later at MMHIE_ENGINE_URL.",
        retry_after_s=RETRY_S,
    )


def explain_hang_up() -> EngineUntrusted:
    """Return the error for an engine that hangs up before any answer, as TLS 1.3 servers do that
    refuse our certificate."""
    return EngineUntrusted(
        "The engine closed the connection without an answer; if it wants a client certificate, "
        "check MMHIE_CLIENT_CERTIFICATE.",
        retry_after_s=RETRY_S,
    )
