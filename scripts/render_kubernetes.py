"""Write the alerts and the dashboard as Kubernetes objects; `--check` fails when they differ."""

import sys
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).parent.parent / "docker"
ALERTS = DOCKER / "prometheus" / "alerts.yml"
DASHBOARD = DOCKER / "grafana" / "dashboards" / "mmhie.json"
MONITORING = DOCKER / "kubernetes" / "monitoring"
NOTE = "# Generated (`make docs`) from {}.\n"


def rule() -> dict[str, Any]:
    """The alert rules as the Prometheus operator takes them."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "mmhie"},
        "spec": yaml.safe_load(ALERTS.read_text()),
    }


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana's sidecar finds it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mmhie-dashboard", "labels": {"grafana_dashboard": "1"}},
        "data": {DASHBOARD.name: DASHBOARD.read_text()},
    }


def written(what: dict[str, Any], source: Path) -> str:
    return NOTE.format(source.relative_to(DOCKER.parent)) + yaml.safe_dump(what, sort_keys=False)


def main() -> None:
    """Rewrite the files, or compare them."""
    wanted = {
        MONITORING / "prometheusrule.yaml": written(rule(), ALERTS),
        MONITORING / "dashboard.yaml": written(dashboard(), DASHBOARD),
    }
    for file, text in wanted.items():
        if "--check" not in sys.argv:
            file.write_text(text)
        elif file.read_text() != text:
            sys.exit(f"{file.name} is out of date: run `make docs`.")


if __name__ == "__main__":
    main()
