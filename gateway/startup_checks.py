"""Check all settings before the gateway starts, and print an error for a wrong one."""

import sys
from collections.abc import Callable

from gateway.audit import file as audit
from gateway.audit import trail
from gateway.auth import gate
from gateway.feedback import opening as feedback
from gateway.http.client_tls import ClientTls
from gateway.model_card.operator_file import load_operator_file
from gateway.observability import logs, tracing
from gateway.runtime import memory
from gateway.safety.disclaimer import disclaimer_of
from gateway.safety.labels import signing_key_of
from gateway.server.tls import load_server_tls
from gateway.settings import gateway as settings
from gateway.vault import vault

WRONG_SETTING = 2  # exit code


def run(serve: Callable[[settings.GatewaySettings], int]) -> int:
    """Call `serve` with checked settings; return its exit code, or 2 when a setting is wrong."""
    memory.disable_core_dumps()
    memory.return_large_blocks()
    try:
        chosen = load_checked()
        logs.set_up(chosen.log_level)
        logs.install_hooks()
        return serve(chosen)
    except settings.SettingsError as problem:
        print(f"gateway: {problem}", file=sys.stderr)  # noqa: T201 - for the operator
        return WRONG_SETTING


def load_checked() -> settings.GatewaySettings:
    """Load the settings, and check the files and addresses in them; raises SettingsError."""
    chosen = settings.load()
    gate.check(chosen)
    audit.check(chosen)
    trail.check_feed(chosen)
    feedback.check(chosen)
    vault.check(chosen)
    tracing.check(chosen)
    disclaimer_of(chosen)
    signing_key_of(chosen)
    load_operator_file(chosen)
    load_server_tls(chosen)
    ClientTls(chosen.client_tls)
    return chosen
