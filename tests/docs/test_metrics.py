"""The table of metrics in docs/monitoring.md."""

from gateway.observability.metrics import Metrics
from tests.docs.examples import DOCS


def test_every_metric_is_documented() -> None:
    """Under the name that Prometheus shows."""
    page = (DOCS / "monitoring.md").read_text()
    families = [
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in Metrics().registry.collect()
    ]

    assert len(families) > 15
    assert [
        name for name in families if name.startswith("mmhie_") and f"`{name}`" not in page
    ] == []
