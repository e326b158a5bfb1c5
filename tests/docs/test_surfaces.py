"""The table of docs/surfaces.md, and the alerts of the Prometheus operator, are those tested."""

import yaml

from tests.docs.examples import DOCS
from tests.kubernetes.rendered import KUBERNETES
from tests.observability.queries import ALERTS
from tests.safety.places import page


def test_the_page_has_the_places_that_are_checked() -> None:
    """Row by row, as `tests/safety` compares them with what a client holds."""
    assert page() in (DOCS / "surfaces.md").read_text()


def test_the_operators_alerts_are_the_same() -> None:
    """The rules of alerts.yml, in an object of the operator."""
    rule = yaml.safe_load((KUBERNETES / "monitoring" / "prometheusrule.yaml").read_text())

    assert rule["spec"] == yaml.safe_load(ALERTS.read_text())
