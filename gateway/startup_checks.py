"""Check all settings before the gateway starts."""

from gateway.audit import file as audit
from gateway.audit import trail
from gateway.auth import gate
from gateway.feedback import opening as feedback
from gateway.http.client_tls import ClientTls
from gateway.model_card.operator_file import load_operator_file
from gateway.observability import tracing
from gateway.safety.disclaimer import disclaimer_of
from gateway.safety.labels import signing_key_of
from gateway.server.tls import load_server_tls
from gateway.settings import gateway as settings
from gateway.vault import vault


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
