"""The gateway of an acceptance run beside the site's own."""

from pathlib import Path

from assurance.acceptance.service import ServiceStarter
from gateway.settings import gateway

SITE = {
    "MMHIE_AUDIT_FILE": "/var/lib/mmhie/audit.jsonl",
    "MMHIE_AUDIT_KEY": "k" * 32,
    "MMHIE_AUDIT_CHECKPOINT_URL": "https://collector.example/checkpoints",
    "MMHIE_AUDIT_FHIR_URL": "https://repository.example/fhir",
    "MMHIE_AUDIT_FHIR_TLS_CA": "/etc/mmhie/ca.pem",
}


def test_no_event_of_a_run_leaves_for_the_servers_of_a_site(tmp_path: Path) -> None:
    """The run has a trail of its own, of which no collector and no FHIR server hears."""
    service = ServiceStarter(SITE, tmp_path, lambda *_: None, quick=True)

    settings = gateway.load(service._gateway_environ())

    assert settings.audit_file == tmp_path / "audit.jsonl"
    assert settings.audit_checkpoint_url is None
    assert settings.audit_fhir_url is None
