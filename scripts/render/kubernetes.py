"""The alerts and the dashboards as Kubernetes objects."""

from pathlib import Path
from typing import Any

import yaml

from scripts.render.page import ROOT

DOCKER = ROOT / "docker"
ALERTS = DOCKER / "prometheus" / "alerts.yml"
DASHBOARD = DOCKER / "grafana" / "dashboards" / "mmhie.json"
DRIFT = DASHBOARD.with_name("mmhie-drift.json")
MONITORING = DOCKER / "kubernetes" / "monitoring"
NOTE = "# Generated (`make docs`) from {}.\n"


def written(source: Path, manifest: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(manifest, sort_keys=False)
    return NOTE.format(source.relative_to(ROOT)) + text


def pages() -> dict[Path, str]:
    """Return the alert rules as a PrometheusRule, the dashboards for Grafana's sidecar."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "mmhie"},
        "spec": yaml.safe_load(ALERTS.read_text()),
    }
    dashboards = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mmhie-dashboard", "labels": {"grafana_dashboard": "1"}},
        "data": {file.name: file.read_text() for file in (DASHBOARD, DRIFT)},
    }
    return {
        MONITORING / "prometheusrule.yaml": written(ALERTS, rule),
        MONITORING / "dashboard.yaml": written(DASHBOARD, dashboards),
    }
