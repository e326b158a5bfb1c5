"""`python -m gateway`: serve in the foreground."""

import errno
import socket
import sys

from gateway.app import create_app
from gateway.observability import logs
from gateway.runtime import memory
from gateway.runtime.log import log
from gateway.server.drain import DrainingServer
from gateway.settings.gateway import GatewaySettings, SettingsError
from gateway.startup_checks import load_checked

WRONG_SETTING = 2  # exit code


def main() -> int:
    """Serve until SIGTERM. Returns 0 after a clean stop, 2 when a setting is wrong."""
    memory.disable_core_dumps()
    memory.return_large_blocks()
    try:
        settings = load_checked()
        logs.set_up(settings.log_level)
        logs.install_hooks()
        serve(settings)
    except SettingsError as problem:
        print(f"gateway: {problem}", file=sys.stderr)  # noqa: T201 - for the operator
        return WRONG_SETTING
    return 0


def serve(settings: GatewaySettings) -> None:
    """Serve until SIGTERM; raises SettingsError."""
    listener = listen(settings)
    log.info(
        "listening",
        extra={"host": settings.host, "port": settings.port, "auth": auth_kinds(settings)},
    )
    app = create_app(settings)
    memory.freeze_heap()
    DrainingServer(app, settings).run([listener])


def auth_kinds(settings: GatewaySettings) -> str:
    """Return the accepted kinds of credentials, for the log."""
    tokens = settings.jwks_file or settings.jwks_url
    kinds = [name for name, on in (("keys", settings.keys_file), ("jwt", tokens)) if on]
    return "+".join(kinds) or "open"


def listen(settings: GatewaySettings) -> socket.socket:
    """Bind the port. Called first, so that a port in use is reported at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as problem:
        raise SettingsError(explain_bind_error(problem, settings)) from None


def explain_bind_error(problem: OSError, settings: GatewaySettings) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"MMHIE_PORT {settings.port} is used by another program; choose another or stop it."
    why = (problem.strerror or "").partition(" (while ")[0]  # Python adds the address
    return (
        f"The gateway cannot listen on MMHIE_HOST and MMHIE_PORT ({why}); name an address of this "
        "machine and a port that this user may bind."
    )
