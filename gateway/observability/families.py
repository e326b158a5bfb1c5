"""The metric families of the gateway; labels come from closed sets."""

import itertools
from collections.abc import Iterable, Sequence
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

TTFT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
COARSE_BUCKETS_S = (0.1, 0.5, 1)


class Families:
    """Every metric, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # else each has a second series
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._add_http()
        self._add_requests()
        self._add_admission()
        self._add_audit()
        self._add_findings()
        self._add_operation()

    def _add_http(self) -> None:
        """Add metrics with the names of prometheus-fastapi-instrumentator, for its dashboards. Its
        middleware would search the route a second time."""
        self.http_requests = Counter(
            "http_requests",
            "Requests by method, status and handler.",
            ("method", "status", "handler"),
            registry=self.registry,
        )
        self.http_duration = Histogram(
            "http_request_duration_seconds",
            "Duration by method and handler, in few buckets.",
            ("method", "handler"),
            buckets=COARSE_BUCKETS_S,
            registry=self.registry,
        )

    def _add_requests(self) -> None:
        add = self._counter
        self.requests = add(
            "requests", "Requests to /llm/generate, /v1 and the token counts.", "route", "outcome"
        )
        self.prompt_tokens = add("prompt_tokens", "Prompt tokens, as counted by the engine.")
        self.completion_tokens = add("completion_tokens", "Generated tokens.")
        self.estimated_tokens = add(
            "estimated_tokens", "Tokens of answers that the engine had not counted."
        )
        self.ttft = self._histogram("ttft_seconds", "Time to first token.", TTFT_BUCKETS_S)
        self.duration = self._histogram(
            "request_duration_seconds",
            "From arrival to the end of the response body.",
            DURATION_BUCKETS_S,
        )

    def _add_admission(self) -> None:
        add = self._gauge
        self.ready = add("engine_ready", "1 while the engine is ready.")
        phase = add("phase", "1 for the current phase.", "phase")
        self.phases = {name: phase.labels(name) for name in get_args(Phase)}
        self.inflight = add("inflight_requests", "Slots in use: requests at the engine.")
        self.waiting = add("queued_requests", "Requests waiting in the admission queue.")
        self.places = add("inflight_limit", "Slots: maximum requests at the engine.")
        self.queue = add("queue_limit", "Maximum requests in the admission queue.")

    def _add_findings(self) -> None:
        add = self._counter
        self.notices = add("notices", "Red flags found in prompts.", "rule")
        self.resolved = add("notices_resolved", "Red flags that a later turn resolved.", "rule")
        self.in_setting = add(
            "notices_in_setting", "Red flags that only an application's own text raised.", "rule"
        )
        self.warnings = add("warnings", "Warnings on answers.", "kind")
        self.truncated = add("truncated", "Truncated answers.", "where")
        self.prompts = add("prompts", "Prompts, by language.", "language")
        begin(self.prompts, ((language,) for language in LANGUAGES))

    def _add_operation(self) -> None:
        add, gauge = self._counter, self._gauge
        self.shared_failing = gauge(
            "shared_state_failing", "1 while Redis is configured and unavailable."
        )
        self.background_failures = add(
            "background_failures", "Failures of background tasks, which run again.", "task"
        )
        self.feedback = add("feedback", "Feedback on answers.", "category", "severity")
        self.feedback_failing = gauge("feedback_failing", "1 while feedback cannot be stored.")
        self.vault_failing = gauge("vault_failing", "1 while the answer vault cannot be written.")
        self.vault_waiting = gauge(
            "vault_waiting_answers", "Answers that the vault has not written yet."
        )
        self.certificate_end = gauge(
            "certificate_expiry_timestamp_seconds",
            "End of the gateway's own certificates, in seconds since 1970.",
            "setting",
        )

    def _add_audit(self) -> None:
        gauge = self._gauge
        self.audit_failing = gauge("audit_failing", "1 while the audit trail cannot be written.")
        self.audit_tampered = gauge(
            "audit_tampered", "1 once the trail was changed by another program."
        )
        self.audit_lost = gauge("audit_lost_records", "Requests without an audit record.")
        self.fed = self._counter(
            "audit_feed_events", "Lines that the audit feed passed.", "outcome"
        )
        begin(self.fed, ((name,) for name in ("sent", "set_aside", "lost")))
        self.feed_lag = gauge(
            "audit_feed_lag_seconds", "Age of the oldest line that waits for the feed."
        )
        self.feed_success = gauge(
            "audit_feed_last_success_timestamp_seconds",
            "Time at which the feed sent its last event, in seconds since 1970; 0: none yet.",
        )

    def start_feedback(self, categories: Iterable[str], severities: Iterable[str]) -> None:
        """Begin the series of each kind of feedback at 0, so that the first one raises an alert."""
        begin(self.feedback, itertools.product(categories, severities))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"mmhie_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"mmhie_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"mmhie_{name}", text, buckets=buckets, registry=self.registry)


def begin(counter: Counter, series: Iterable[tuple[str, ...]]) -> None:
    """Begin series at 0, so that Prometheus sees their first increase."""
    for labels in series:
        counter.labels(*labels)
