"""Every question the dashboards and the alerts put to Prometheus, and the metrics it is about."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import yaml

DOCKER = Path(__file__).parents[2] / "docker"
DASHBOARDS = sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))
ALERTS = DOCKER / "prometheus" / "alerts.yml"
# What Grafana fills in before it asks. The interval is longer than any test takes: on a busy
# machine two looks may be a minute apart, and a rate over less has none.
FILLED_IN = {"$__rate_interval": "1h", "$instance": ".+"}


@functools.cache
def alerts() -> dict[str, str]:
    """Expressions by the alert's name."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def panels() -> dict[str, list[str]]:
    """Expressions of every dashboard by the panel's title, filled in."""
    panels = [panel for file in DASHBOARDS for panel in json.loads(file.read_text())["panels"]]
    return {
        panel["title"]: [filled_in(target["expr"]) for target in panel["targets"]]
        for panel in panels
        if panel["type"] != "row"
    }


def filled_in(expression: str) -> str:
    for name, value in FILLED_IN.items():
        expression = expression.replace(name, value)
    return expression


def questions() -> Iterator[tuple[str, str]]:
    """Every expression, with where it stands."""
    yield from alerts().items()
    for title, expressions in panels().items():
        for expression in expressions:
            yield title, expression


def metrics(expression: str) -> set[str]:
    """The names of the series an expression selects; ValueError for what is no PromQL."""
    names: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            names.add(node.name)

    promql_parser.walk(promql_parser.parse(expression), pre_visit=visit)
    return names
