"""`python -m gateway`: the gateway in the foreground."""

import errno
import socket
import sys

import uvloop

from gateway import logs, settings, startup_checks
from gateway.app import create_app
from gateway.server import drain
from gateway.workers import supervisor


def main() -> int:
    """Serve until SIGTERM; 0 after a clean stop, 2 when it cannot start."""
    return startup_checks.run(serve)


def serve(chosen: settings.GatewaySettings) -> int:
    """Listen, in this process or in several; the exit code. Raises SettingsError."""
    listening = listen(chosen)
    logs.log.info(
        "listening", extra={"host": chosen.host, "port": chosen.port, "auth": auth_of(chosen)}
    )
    if chosen.workers > 1:
        return supervisor.run(chosen, listening)
    app = create_app(chosen)
    drain.tune()
    uvloop.run(drain.DrainingServer(app, chosen).serve(sockets=[listening]))
    return 0


def auth_of(chosen: settings.GatewaySettings) -> str:
    """Who may come in, in the words of the log."""
    tokens = chosen.jwks_file or chosen.jwks_url
    kinds = [name for name, on in (("keys", chosen.keys_file), ("jwt", tokens)) if on]
    return "+".join(kinds) or "open"


def listen(chosen: settings.GatewaySettings) -> socket.socket:
    """The listening socket; taken before anything else, so that a taken port is the first word."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        return socket.create_server((chosen.host, chosen.port), family=family, backlog=2048)
    except OSError as problem:
        raise settings.SettingsError(sentence(problem, chosen)) from None


def sentence(problem: OSError, chosen: settings.GatewaySettings) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"MMHIE_PORT {chosen.port} is taken by another program; choose another or stop it."
    return f"MMHIE_HOST and MMHIE_PORT cannot be listened on ({problem.strerror})."


if __name__ == "__main__":
    sys.exit(main())
