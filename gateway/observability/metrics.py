"""Counting of requests and other events in the metrics."""

from collections.abc import Mapping

from prometheus_client import generate_latest

from gateway.limits.admission import AdmissionQueue
from gateway.observability.families import Families
from gateway.record import AnswerSummary, RequestRecord


class Metrics(Families):
    """All metrics, and the methods that count."""

    def exposition(self) -> bytes:
        return generate_latest(self.registry)

    def vault_alarm(self, failing: bool, waiting: int) -> None:
        self.vault_failing.set(failing)
        self.vault_waiting.set(waiting)

    def count_fed(self, outcome: str, count: int) -> None:
        self.fed.labels(outcome).inc(count)
        if outcome == "sent" and count:
            self.feed_success.set_to_current_time()

    def count_failure(self, task: str) -> None:
        self.background_failures.labels(task).inc()

    def at_scrape(
        self, phase: str, admission: AdmissionQueue, certificates: Mapping[str, float]
    ) -> None:
        """Set the gauges of the current state, before a scrape."""
        self.inflight.set(admission.inflight)
        self.waiting.set(admission.waiting)
        self.places.set(admission.max_inflight)
        self.queue.set(admission.max_queue)
        self.ready.set(phase == "ready")
        for name, gauge in self.phases.items():
            gauge.set(name == phase)
        for name, end in certificates.items():
            self.certificate_end.labels(name).set(end)

    def observe(self, record: RequestRecord) -> None:
        self._count_http(record)
        if not record.is_token_path:
            return
        self.requests.labels(record.route, record.outcome).inc()
        self.duration.observe(record.ms / 1000)
        self._count_prompt(record)
        if record.ttft_ms is not None:
            self.ttft.observe(record.ttft_ms / 1000)
        if record.answer is not None:
            self._count_answer(record.answer)
        elif record.prompt_estimate:
            self.estimated_tokens.inc(record.prompt_estimate)

    def _count_http(self, record: RequestRecord) -> None:
        """Count a request of any path; one without a status has left early."""
        status, seconds = f"{record.status // 100 or 4}xx", record.ms / 1000
        self.http_requests.labels(record.method, status, record.route).inc()
        self.http_duration.labels(record.method, record.route).observe(seconds)

    def _count_prompt(self, record: RequestRecord) -> None:
        for notice in record.notices:
            self.notices.labels(notice["id"]).inc()
        for rule in record.resolved:
            self.resolved.labels(rule).inc()
        for rule in record.in_setting:
            self.in_setting.labels(rule).inc()
        if record.language is not None:
            self.prompts.labels(record.language).inc()

    def _count_answer(self, answer: AnswerSummary) -> None:
        if answer.is_estimated:
            self.estimated_tokens.inc(answer.prompt_tokens + answer.completion_tokens)
        else:
            self.prompt_tokens.inc(answer.prompt_tokens)
            self.completion_tokens.inc(answer.completion_tokens)
        for where in answer.truncated:
            self.truncated.labels(where).inc()
        for kind in answer.warnings:
            self.warnings.labels(kind).inc()
