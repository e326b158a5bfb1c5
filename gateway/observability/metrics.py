"""Counting of requests and other events in the metrics."""

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, generate_latest

from gateway.limits.admission import AdmissionQueue
from gateway.observability.cells import Cells, CounterCell, HistogramCell, SummaryCell
from gateway.observability.families import Families
from gateway.record import AnswerSummary, RequestRecord

FINE_BUCKETS_S = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5),
    *(10, 30, 60),
)
COARSE_BUCKETS_S = (0.1, 0.5, 1)


class Children(NamedTuple):
    """The metrics of one kind of request, with their labels set."""

    total: Counter | CounterCell
    size_in: Summary | SummaryCell
    size_out: Summary | SummaryCell
    coarse: Histogram | HistogramCell


class HttpMetrics:
    """The `http_*` metrics with the names of prometheus-fastapi-instrumentator, for its dashboards.

    Its middleware would search the route a second time, and look labels up five times per request;
    here each combination of labels is looked up once.
    """

    def __init__(self, registry: CollectorRegistry, cells: Cells) -> None:
        self._cells = cells
        self._children: dict[tuple[str, str, str], Children] = {}
        self.total = Counter(
            "http_requests",
            "Requests by method, status and handler.",
            ("method", "status", "handler"),
            registry=registry,
        )
        self.size_in = Summary(
            "http_request_size_bytes",
            "Content length of requests by handler.",
            ("handler",),
            registry=registry,
        )
        self.size_out = Summary(
            "http_response_size_bytes",
            "Size of responses' bodies by handler.",
            ("handler",),
            registry=registry,
        )
        self.fine = cells.histogram(
            Histogram(
                "http_request_duration_highr_seconds",
                "Duration of all requests, in many buckets.",
                buckets=FINE_BUCKETS_S,
                registry=registry,
            )
        )
        self.coarse = Histogram(
            "http_request_duration_seconds",
            "Duration by method and handler, in few buckets.",
            ("method", "handler"),
            buckets=COARSE_BUCKETS_S,
            registry=registry,
        )

    def observe(self, record: RequestRecord) -> None:
        """Count a finished request."""
        status = f"{record.status // 100 or 4}xx"  # without a status, the caller left early
        key = (record.route, record.method, status)
        children = self._children.get(key) or self._look_up(*key)
        children.total.inc()
        children.size_in.observe(record.declared_bytes)
        children.size_out.observe(record.sent_bytes)
        self.fine.observe(record.ms / 1000)
        children.coarse.observe(record.ms / 1000)

    def _look_up(self, handler: str, method: str, status: str) -> Children:
        cells = self._cells
        children = self._children[handler, method, status] = Children(
            cells.counter(self.total.labels(method, status, handler)),
            cells.summary(self.size_in.labels(handler)),
            cells.summary(self.size_out.labels(handler)),
            cells.histogram(self.coarse.labels(method, handler)),
        )
        return children


class Metrics(Families):
    """All metrics, and the methods that count."""

    def __init__(self) -> None:
        super().__init__()
        self._children: dict[tuple[object, ...], CounterCell] = {}
        self.http = HttpMetrics(self.registry, self.cells)

    def exposition(self) -> bytes:
        """Return the Prometheus text."""
        return generate_latest(self.registry)

    def count(self, counter: Counter, *labels: str, by: int = 1) -> None:
        """Add to a counter; its child is cached, since a look-up costs more than counting."""
        key = (counter, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self.cells.counter(counter.labels(*labels))
        child.inc(by)

    def audit_alarm(self, failing: bool, lost: int, tampered: bool) -> None:
        """Set the gauges of the audit trail."""
        self.audit_failing.set(failing)
        self.audit_lost.set(lost)
        self.audit_tampered.set(tampered)

    def vault_alarm(self, failing: bool, waiting: int) -> None:
        """Set the gauges of the answer vault."""
        self.vault_failing.set(failing)
        self.vault_waiting.set(waiting)

    def audit_feed(
        self, *, sent: int = 0, set_aside: int = 0, lost: int = 0, lag_s: float | None = None
    ) -> None:
        """Count the outcomes of the trail's lines on their way to the audit repository."""
        counts = {"sent": sent, "set_aside": set_aside, "lost": lost}
        for outcome in filter(counts.get, counts):
            self.fed[outcome].inc(counts[outcome])
        if sent:
            self.feed_success.set_to_current_time()
        if lag_s is not None:
            self.feed_lag.set(lag_s)

    def at_scrape(
        self, phase: str, admission: AdmissionQueue, certificates: Mapping[str, float]
    ) -> None:
        """Set the gauges of the current state, before a scrape."""
        self.observe_admission(admission)
        self.ready.set(phase == "ready")
        for name, gauge in self.phases.items():
            gauge.set(name == phase)
        for name, end in certificates.items():
            self.certificate_end.labels(name).set(end)

    def observe_admission(self, admission: AdmissionQueue) -> None:
        """Set the gauges of slots and queue."""
        self.inflight.set(admission.inflight)
        self.waiting.set(admission.waiting)
        self.places.set(admission.max_inflight)
        self.queue.set(admission.max_queue)

    def observe(self, record: RequestRecord) -> None:
        """Count a finished request."""
        self.http.observe(record)
        if not record.is_token_path:
            return
        self.count(self.requests, record.route, record.outcome)
        self.duration.observe(record.ms / 1000)
        self._count_prompt(record)
        if record.ttft_ms is not None:
            self.ttft.observe(record.ttft_ms / 1000)
        if record.answer is not None:
            self._count_answer(record.answer)
        elif record.prompt_estimate:
            self.estimated_tokens.inc(record.prompt_estimate)

    def _count_prompt(self, record: RequestRecord) -> None:
        for notice in record.notices:
            self.count(self.notices, notice["id"])
        for rule in record.resolved:
            self.count(self.resolved, rule)
        for rule in record.in_setting:
            self.count(self.in_setting, rule)
        if record.language is not None:
            self.count(self.prompts, record.language)

    def _count_answer(self, answer: AnswerSummary) -> None:
        if answer.is_estimated:
            self.estimated_tokens.inc(answer.prompt_tokens + answer.completion_tokens)
        else:
            self.prompt_tokens.inc(answer.prompt_tokens)
            self.completion_tokens.inc(answer.completion_tokens)
        for where in answer.truncated:
            self.count(self.truncated, where)
        for kind in answer.warnings:
            self.count(self.warnings, kind)
