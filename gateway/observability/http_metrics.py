"""The `http_*` metrics that dashboards of prometheus-fastapi-instrumentator know."""

from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary
from prometheus_client.metrics import MetricWrapperBase
from prometheus_fastapi_instrumentator import metrics

from gateway.record import RequestRecord


class Children(NamedTuple):
    """One kind of request in the library's metrics, labels looked up."""

    total: Counter
    size_in: Summary
    size_out: Summary
    fine: Histogram
    coarse: Histogram


class HttpMetrics:
    """The metrics of prometheus-fastapi-instrumentator, in a registry.

    The library declares them and counts what the framework answers. Its bookkeeping looks a label
    set up five times a request (18 of a request's 400 µs): what token paths add to the same
    metrics goes by cached children.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._declared: dict[str, Any] = {}  # of a kind that only the library knows
        # As a registry to the library: `register` is all it calls.
        self.of_framework = metrics.default(registry=self)  # type: ignore[arg-type] # see above
        self._children: dict[tuple[str, str, str], Children] = {}

    def register(self, collector: MetricWrapperBase) -> None:
        """Register a metric of the library's, and keep it by its name."""
        self._registry.register(collector)
        (family,) = collector.describe()
        self._declared[family.name] = collector

    def observe(self, record: RequestRecord) -> None:
        """Count a request on a token path."""
        status = f"{record.status // 100 or 4}xx"  # no status: the caller left before one
        key = (record.route, record.method, status)
        children = self._children.get(key) or self._look_up(*key)
        children.total.inc()
        children.size_in.observe(record.declared_bytes)
        children.size_out.observe(record.sent_bytes)
        children.fine.observe(record.ms / 1000)
        children.coarse.observe(record.ms / 1000)

    def _look_up(self, handler: str, method: str, status: str) -> Children:
        named = self._declared
        children = self._children[handler, method, status] = Children(
            named["http_requests"].labels(method, status, handler),
            named["http_request_size_bytes"].labels(handler),
            named["http_response_size_bytes"].labels(handler),
            named["http_request_duration_highr_seconds"],
            named["http_request_duration_seconds"].labels(method, handler),
        )
        return children
