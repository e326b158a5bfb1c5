"""Metrics: the series that alerts need before the first event."""

from gateway.api.request_text import LANGUAGES
from gateway.feedback.entry import CATEGORIES, SEVERITIES
from gateway.observability.metrics import Metrics


def test_series_begin_at_zero() -> None:
    """Prometheus sees their first increase."""
    metrics = Metrics()
    metrics.start_feedback(CATEGORIES, SEVERITIES)
    lines = metrics.exposition().decode().splitlines()

    for outcome in ("sent", "set_aside", "lost"):
        assert f'mmhie_audit_feed_events_total{{outcome="{outcome}"}} 0.0' in lines
    for language in LANGUAGES:
        assert f'mmhie_prompts_total{{language="{language}"}} 0.0' in lines
    assert 'mmhie_feedback_total{category="unsafe",severity="high"} 0.0' in lines
