"""What has to hold before a process of the gateway serves; what does not is told in a sentence."""

import sys
from collections.abc import Callable

from gateway import logs, memory, settings
from gateway.audit import file as audit
from gateway.auth import gate
from gateway.cluster import state as shared
from gateway.server.tls import tls_of
from gateway.tracing import setup as tracing

WRONG_SETTING = 2


def run(serve: Callable[[settings.GatewaySettings], int]) -> int:
    """`serve` with the settings as they are checked, and its exit code; 2 when one is wrong."""
    memory.seal()
    try:
        chosen = settings.load()
        gate.check(chosen)
        audit.check(chosen)
        shared.check(chosen)
        tracing.check(chosen)
        tls_of(chosen)
        logs.set_up(chosen.log_level)
        logs.take_over()
        return serve(chosen)
    except settings.SettingsError as problem:
        print(f"gateway: {problem}", file=sys.stderr)  # noqa: T201 - for a person
        return WRONG_SETTING
