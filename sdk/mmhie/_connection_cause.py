"""The cause of a failed connection, as a sentence."""

import socket
import ssl
from collections.abc import Iterator

UNKNOWN = "check that it runs and that MMHIE_URL is right."
# the first that fits: a certificate's error is an SSLError, and all are OSErrors
CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its name has no address; check the host in MMHIE_URL, and the DNS."),
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted; name its authority's file in SSL_CERT_FILE.",
    ),
    (ssl.SSLError, "it does not speak TLS; if it serves HTTP, begin MMHIE_URL with http://."),
    (
        ConnectionRefusedError,
        "nothing listens there; check that it runs, and the port in MMHIE_URL.",
    ),
    (FileNotFoundError, "the socket does not exist; check that it runs, and MMHIE_URL."),
    (PermissionError, "access is denied; check the permissions of the socket in MMHIE_URL."),
    (TimeoutError, "it does not respond; check MMHIE_URL, and the firewall between."),
)


def cause_of(error: BaseException) -> str:
    """Return what went wrong and what to do, from the exceptions that led to `error`."""
    for cause in _chain(error):
        for kind, sentence in CAUSES:
            if isinstance(cause, kind):
                return sentence
    return UNKNOWN


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and those before it; of a group, asyncio's tries of each address."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for exception in error.exceptions:
                yield from _chain(exception)
        error = error.__cause__ or error.__context__
