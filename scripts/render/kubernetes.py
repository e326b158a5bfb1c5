"""The alerts as an object of the Prometheus operator."""

from pathlib import Path

import yaml

from scripts.render.page import ROOT

ALERTS = ROOT / "docker" / "prometheus" / "alerts.yml"
RULE = ROOT / "docker" / "kubernetes" / "monitoring" / "prometheusrule.yaml"
NOTE = f"# Generated (`make docs`) from {ALERTS.relative_to(ROOT)}.\n"


def pages() -> dict[Path, str]:
    """Return the alert rules as a PrometheusRule."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "mmhie"},
        "spec": yaml.safe_load(ALERTS.read_text()),
    }
    return {RULE: NOTE + yaml.safe_dump(rule, sort_keys=False)}
