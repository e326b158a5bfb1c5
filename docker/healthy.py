"""Exit status 0 when this container answers 200: `python healthy.py [PATH [PORT]]`; with a port it
asks an engine there, else the gateway.

`python healthy.py --supervised FILE` instead asks whether the launcher is at work: it writes its
status file every few seconds, also while its engine restarts and nobody answers.
"""

import http.client
import os
import ssl
import sys
import time

TIMEOUT_S = 4
# The longest pause before a restart is 60 s, and an engine that has to go has a few more.
SUPERVISED_S = 120


def answers(path: str, port: int, certificate: str) -> bool:
    """Return whether a server on this machine answers the path with 200."""
    connection = connect(port, certificate)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except ssl.SSLError:  # it listens, and lets in only callers with a certificate
        return bool(os.environ.get("MMHIE_TLS_CLIENT_CA"))
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def connect(port: int, certificate: str) -> http.client.HTTPConnection:
    """Connect, over TLS where this variable is set; what it names is for the name that callers
    use."""
    if not os.environ.get(certificate):
        return http.client.HTTPConnection("localhost", port, timeout=TIMEOUT_S)
    trusting = ssl._create_unverified_context()  # noqa: S323 - this machine asks itself
    return http.client.HTTPSConnection("localhost", port, timeout=TIMEOUT_S, context=trusting)


def is_supervised(status_file: str) -> bool:
    """Return whether the launcher wrote its status file not long ago."""
    try:
        return time.time() - os.stat(status_file).st_mtime < SUPERVISED_S
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """Ask the path and port given, by default `/healthz` on the gateway's port."""
    if arguments[:1] == ["--supervised"]:
        return 0 if is_supervised(arguments[1]) else 1
    path = arguments[0] if arguments else "/healthz"
    if len(arguments) > 1:  # one .env may be for all containers
        is_healthy = answers(path, int(arguments[1]), "MMHIE_ENGINE_SERVER_CERTIFICATE")
    else:
        port = os.environ.get("MMHIE_PORT") or "8000"
        is_healthy = answers(path, int(port), "MMHIE_TLS_CERTIFICATE")
    return 0 if is_healthy else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
