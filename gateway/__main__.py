"""`python -m gateway`: the gateway in the foreground."""

import errno
import socket
import sys

import uvloop
from prometheus_client import disable_created_metrics

from gateway import logs, server, settings
from gateway.access import opening as access
from gateway.app import create_app
from gateway.audit import opening as audit
from gateway.tracing import opening as tracing


def main() -> int:
    """Serve until SIGTERM; 0 after a clean stop, 2 when it cannot start."""
    try:
        chosen = settings.load()
        access.check(chosen)
        audit.check(chosen)
        tracing.check(chosen)
        listening = listen(chosen)
    except settings.SettingsError as problem:
        print(f"gateway: {problem}", file=sys.stderr)  # noqa: T201 - for a person
        return 2
    logs.set_up(chosen.log_level)
    disable_created_metrics()  # type: ignore[no-untyped-call] # its series double every counter
    app = create_app(chosen)
    server.tune_garbage_collection()
    logs.log.info(
        "listening", extra={"host": chosen.host, "port": chosen.port, "auth": auth_of(chosen)}
    )
    uvloop.run(serve(server.DrainingServer(app, chosen), listening))
    return 0


def auth_of(chosen: settings.GatewaySettings) -> str:
    """Who may come in, in the words of the log."""
    tokens = chosen.jwks_file or chosen.jwks_url
    kinds = [name for name, on in (("keys", chosen.keys_file), ("jwt", tokens)) if on]
    return "+".join(kinds) or "open"


async def serve(gateway: server.DrainingServer, listening: socket.socket) -> None:
    await gateway.serve(sockets=[listening])


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
