"""The gateway's own metrics; labels come from closed sets, children are looked up once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.engine.watch import Phase
from gateway.http.exchange import Exchange
from gateway.limits.admission import AdmissionQueue

TTFT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


Mode = Literal["livemostrecent", "livemax", "livesum"]  # of the values of several processes


class Metrics:
    """Every `mmhie_*` metric, in a registry of its own."""

    def __init__(self, shared: Path | None = None) -> None:
        """`shared` is the folder in which several processes count together."""
        disable_created_metrics()  # type: ignore[no-untyped-call] # its series double every counter
        self._shared = shared
        self.registry = CollectorRegistry()
        counter, histogram, gauge = self._counter, self._histogram, self._gauge
        self.requests = counter("requests", "Requests on the token paths.", "route", "outcome")
        self.prompt_tokens = counter("prompt_tokens", "Prompt tokens, as the engine counts.")
        self.completion_tokens = counter("completion_tokens", "Generated tokens.")
        self.notices = counter("notices", "Red flags found in prompts.", "rule")
        self.warnings = counter("warnings", "Warnings on answers.", "kind")
        self.truncated = counter("truncated", "Answers that were cut.", "where")
        self.ttft = histogram("ttft_seconds", "Time to the first token.", TTFT_BUCKETS_S)
        self.duration = histogram(
            "request_duration_seconds", "Arrival to the end of the body.", DURATION_BUCKETS_S
        )
        self.inflight = gauge("inflight_requests", "Requests at the engine.")
        self.waiting = gauge("queued_requests", "Requests waiting for a place at the engine.")
        self.places = gauge("inflight_limit", "Most requests at the engine at once.")
        self.queue = gauge("queue_limit", "Most requests waiting for a place.")
        self.ready = gauge("engine_ready", "1 while the engine is ready.")
        phase = gauge("phase", "1 for the present phase.", labels=("phase",))
        self.phases = {one: phase.labels(one) for one in get_args(Phase)}
        self.audit_failing = gauge(
            "audit_failing", "1 while the audit trail cannot be written.", "livemax"
        )
        self.audit_lost = gauge(
            "audit_lost_records", "Requests that no line could be kept for.", "livesum"
        )
        self.shared_failing = gauge(
            "shared_state_failing", "1 while Redis is configured and cannot be used.", "livemax"
        )
        self.workers = gauge("workers", "Processes of this gateway that serve.")
        self.workers.set(1)
        self.workers_lost = gauge("workers_lost", "Workers that died since the start.")
        self._children: dict[tuple[object, ...], Counter] = {}

    def exposition(self) -> bytes:
        """Prometheus text; of all processes where several count together."""
        if self._shared is None:
            return generate_latest(self.registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, path=str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(everybody)

    def count(self, counter: Counter, *labels: str) -> None:
        """Add one; the labelled child is kept, since looking it up costs more than counting."""
        key = (counter, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = counter.labels(*labels)
        child.inc()

    def audit_alarm(self, failing: bool, lost: int) -> None:
        """Note how the audit trail is."""
        self.audit_failing.set(failing)
        self.audit_lost.set(lost)

    def at_scrape(self, phase: str, admission: AdmissionQueue) -> None:
        """Note what is read off, not counted."""
        self.inflight.set(admission.inflight)
        self.waiting.set(admission.waiting)
        self.places.set(admission.max_inflight)
        self.queue.set(admission.max_queue)
        self.ready.set(phase == "ready")
        for name, gauge in self.phases.items():
            gauge.set(name == phase)

    def first_token(self, exchange: Exchange) -> None:
        """Note the time to the first token."""
        elapsed_ms = exchange.elapsed_ms()
        exchange.facts["ttft_ms"] = elapsed_ms
        self.ttft.observe(elapsed_ms / 1000)

    def answered(
        self,
        exchange: Exchange,
        usage: Mapping[str, Any] | None,
        notices: Sequence[Mapping[str, str]],
        finals: Sequence[Mapping[str, Any]],
    ) -> None:
        """Note what an answer cost and what was wrong with it."""
        self._tokens(exchange, usage or {})
        for notice in notices:
            self.count(self.notices, notice["id"])
        exchange.facts["notices"] = len(notices)
        exchange.facts["output_digests"] = [one["provenance"]["output_digest"] for one in finals]
        for final in finals:
            if final["truncated"]:
                exchange.facts["truncated"] = final["truncated"]
                self.count(self.truncated, final["truncated"])
            for warning in final["warnings"]:
                self.count(self.warnings, warning)

    def _tokens(self, exchange: Exchange, usage: Mapping[str, Any]) -> None:
        """Token counts go by either of OpenAI's two sets of names."""
        prompt = tokens(usage, "prompt_tokens", "input_tokens")
        completion = tokens(usage, "completion_tokens", "output_tokens")
        self.prompt_tokens.inc(prompt)
        self.completion_tokens.inc(completion)
        exchange.facts |= {"prompt_tokens": prompt, "completion_tokens": completion}

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"mmhie_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"mmhie_{name}", text, registry=self.registry, buckets=buckets)

    def _gauge(
        self, name: str, text: str, mode: Mode = "livemostrecent", labels: tuple[str, ...] = ()
    ) -> Gauge:
        """By default what the process that is asked has just set, for all of them."""
        name = f"mmhie_{name}"
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode=mode)


def tokens(usage: Mapping[str, Any], *names: str) -> int:
    """The first count there is; nothing an engine sends here can stop an answer."""
    for name in names:
        count = usage.get(name)
        if isinstance(count, int) and count > 0:
            return count
    return 0
