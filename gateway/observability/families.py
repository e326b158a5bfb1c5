"""The metric families of the gateway; labels come from closed sets."""

import itertools
from collections.abc import Iterable
from functools import partial
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from gateway.api.request_text import LANGUAGES
from gateway.engine.watch import Phase
from gateway.observability.tally import Count, Histogram, Summary

TTFT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
FINE_BUCKETS_S = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5),
    *(10, 30, 60),
)
COARSE_BUCKETS_S = (0.1, 0.5, 1)


class Families:
    """Every metric, in a registry of its own."""

    def __init__(self) -> None:
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
        count, summary, histogram = self._tallies()
        self.http_requests = count(
            "http_requests",
            "Requests by method, status and handler.",
            ("method", "status", "handler"),
        )
        self.size_in = summary(
            "http_request_size_bytes", "Content length of requests by handler.", ("handler",)
        )
        self.size_out = summary(
            "http_response_size_bytes", "Size of responses' bodies by handler.", ("handler",)
        )
        self.fine = histogram(
            "http_request_duration_highr_seconds",
            "Duration of all requests, in many buckets.",
            FINE_BUCKETS_S,
        )
        self.coarse = histogram(
            "http_request_duration_seconds",
            "Duration by method and handler, in few buckets.",
            COARSE_BUCKETS_S,
            ("method", "handler"),
        )

    def _add_requests(self) -> None:
        count, _, histogram = self._tallies()
        self.requests = count(
            "mmhie_requests",
            "Requests to /llm/generate, /v1 and the token counts.",
            ("route", "outcome"),
        )
        self.prompt_tokens = count(
            "mmhie_prompt_tokens", "Prompt tokens, as counted by the engine."
        )
        self.completion_tokens = count("mmhie_completion_tokens", "Generated tokens.")
        self.estimated_tokens = count(
            "mmhie_estimated_tokens", "Tokens of answers that the engine had not counted."
        )
        self.ttft = histogram("mmhie_ttft_seconds", "Time to first token.", TTFT_BUCKETS_S)
        self.duration = histogram(
            "mmhie_request_duration_seconds",
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
        count, *_ = self._tallies()
        self.notices = count("mmhie_notices", "Red flags found in prompts.", ("rule",))
        self.resolved = count(
            "mmhie_notices_resolved", "Red flags that a later turn resolved.", ("rule",)
        )
        self.in_setting = count(
            "mmhie_notices_in_setting",
            "Red flags that only an application's own text raised.",
            ("rule",),
        )
        self.warnings = count("mmhie_warnings", "Warnings on answers.", ("kind",))
        self.truncated = count("mmhie_truncated", "Truncated answers.", ("where",))
        self.prompts = count("mmhie_prompts", "Prompts, by language.", ("language",))
        self.prompts.begin((language,) for language in LANGUAGES)

    def _add_operation(self) -> None:
        (count, *_), gauge = self._tallies(), self._gauge
        self.shared_failing = gauge(
            "shared_state_failing", "1 while Redis is configured and unavailable."
        )
        self.background_failures = count(
            "mmhie_background_failures",
            "Failures of background tasks, which run again.",
            ("task",),
        )
        self.feedback = count("mmhie_feedback", "Feedback on answers.", ("category", "severity"))
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
        count, *_ = self._tallies()
        self.audit_failing = self._gauge(
            "audit_failing", "1 while the audit trail cannot be written."
        )
        self.audit_tampered = self._gauge(
            "audit_tampered", "1 once the trail was changed by another program."
        )
        self.audit_lost = self._gauge("audit_lost_records", "Requests without an audit record.")
        self.fed = count(
            "mmhie_audit_feed_events", "Lines that the audit feed passed.", ("outcome",)
        )
        self.fed.begin((name,) for name in ("sent", "set_aside", "lost"))
        self.feed_lag = self._gauge(
            "audit_feed_lag_seconds", "Age of the oldest line that waits for the feed."
        )
        self.feed_success = self._gauge(
            "audit_feed_last_success_timestamp_seconds",
            "Time at which the feed sent its last event, in seconds since 1970; 0: none yet.",
        )

    def start_feedback(self, categories: Iterable[str], severities: Iterable[str]) -> None:
        """Begin the series of each kind of feedback at 0, so that the first one raises an alert."""
        self.feedback.begin(itertools.product(categories, severities))

    def _tallies(self) -> tuple[partial[Count], partial[Summary], partial[Histogram]]:
        registry = self.registry
        return partial(Count, registry), partial(Summary, registry), partial(Histogram, registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"mmhie_{name}", text, labels, registry=self.registry)
