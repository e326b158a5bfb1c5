"""The metric families of the gateway; labels come from closed sets."""

import itertools
from collections.abc import Iterable
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from gateway.api.request_text import LANGUAGES
from gateway.engine.watch import Phase
from gateway.observability.cells import Cells

TTFT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Families:
    """Every `mmhie_*` metric, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # else each counter has a second series
        self.registry = CollectorRegistry()
        self.cells = Cells(self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        counter, histogram, gauge = self._counter, self._histogram, self._gauge
        cells = self.cells
        self.requests = counter(
            "requests", "Requests to /llm/generate, /v1 and the token counts.", "route", "outcome"
        )
        self.prompt_tokens = cells.counter(
            counter("prompt_tokens", "Prompt tokens, as counted by the engine.")
        )
        self.completion_tokens = cells.counter(counter("completion_tokens", "Generated tokens."))
        self.estimated_tokens = cells.counter(
            counter("estimated_tokens", "Tokens of answers that the engine had not counted.")
        )
        self.ttft = cells.histogram(
            histogram("ttft_seconds", "Time to first token.", TTFT_BUCKETS_S)
        )
        self.duration = cells.histogram(
            histogram(
                "request_duration_seconds",
                "From arrival to the end of the response body.",
                DURATION_BUCKETS_S,
            )
        )
        self.ready = gauge("engine_ready", "1 while the engine is ready.")
        phase = gauge("phase", "1 for the current phase.", labels=("phase",))
        self.phases = {name: phase.labels(name) for name in get_args(Phase)}
        self._add_admission_gauges()
        self._add_audit_gauges()
        self._add_findings()
        self._add_operation()

    def _add_admission_gauges(self) -> None:
        """Add the gauges of slots and queue."""
        add = self._gauge
        self.inflight = add("inflight_requests", "Slots in use: requests at the engine.")
        self.waiting = add("queued_requests", "Requests waiting in the admission queue.")
        self.places = add("inflight_limit", "Slots: maximum requests at the engine.")
        self.queue = add("queue_limit", "Maximum requests in the admission queue.")

    def _add_findings(self) -> None:
        """Add the counters of findings in prompts and answers."""
        counter = self._counter
        self.notices = counter("notices", "Red flags found in prompts.", "rule")
        self.resolved = counter("notices_resolved", "Red flags that a later turn resolved.", "rule")
        self.in_setting = counter(
            "notices_in_setting", "Red flags that only an application's own text raised.", "rule"
        )
        self.warnings = counter("warnings", "Warnings on answers.", "kind")
        self.truncated = counter("truncated", "Truncated answers.", "where")
        self.prompts = counter("prompts", "Prompts, by language.", "language")
        # Each series begins at 0, so that Prometheus sees its first increase.
        for language in LANGUAGES:
            self.prompts.labels(language)

    def _add_operation(self) -> None:
        """Add the metrics of services other than the engine."""
        counter, gauge = self._counter, self._gauge
        self.shared_failing = gauge(
            "shared_state_failing", "1 while Redis is configured and unavailable."
        )
        self.background_failures = counter(
            "background_failures", "Failures of background tasks, which run again.", "task"
        )
        self.feedback = counter("feedback", "Feedback on answers.", "category", "severity")
        self.feedback_failing = gauge("feedback_failing", "1 while feedback cannot be stored.")
        self.vault_failing = gauge("vault_failing", "1 while the answer vault cannot be written.")
        self.vault_waiting = gauge(
            "vault_waiting_answers", "Answers that the vault has not written yet."
        )
        self.certificate_end = gauge(
            "certificate_expiry_timestamp_seconds",
            "End of the gateway's own certificates, in seconds since 1970.",
            labels=("setting",),
        )

    def _add_audit_gauges(self) -> None:
        self.audit_failing = self._gauge(
            "audit_failing", "1 while the audit trail cannot be written."
        )
        self.audit_tampered = self._gauge(
            "audit_tampered", "1 once the trail was changed by another program."
        )
        self.audit_lost = self._gauge("audit_lost_records", "Requests without an audit record.")
        events = self._counter("audit_feed_events", "Lines that the audit feed passed.", "outcome")
        # Each series begins at 0, so that the first lost line raises an alert.
        self.fed = {name: events.labels(name) for name in ("sent", "set_aside", "lost")}
        self.feed_lag = self._gauge(
            "audit_feed_lag_seconds", "Age of the oldest line that waits for the feed."
        )
        self.feed_success = self._gauge(
            "audit_feed_last_success_timestamp_seconds",
            "Time at which the feed sent its last event, in seconds since 1970; 0: none yet.",
        )

    def start_feedback(self, categories: Iterable[str], severities: Iterable[str]) -> None:
        """Begin the series of each kind of feedback at 0, so that the first one raises an alert."""
        for kind in itertools.product(categories, severities):
            self.feedback.labels(*kind)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"mmhie_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"mmhie_{name}", text, labels, registry=self.registry, buckets=buckets)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"mmhie_{name}", text, labels, registry=self.registry)
