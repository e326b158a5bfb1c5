"""HTTP in numbers: the metrics of prometheus-fastapi-instrumentator, whose dashboards know them.

The library's own bookkeeping looks a label set up five times a request and builds a Request to
read one header: here the children are kept.
"""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary
from prometheus_fastapi_instrumentator.metrics import Info

FINE_BUCKETS_S = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5),
    *(10, 30, 60),
)
COARSE_BUCKETS_S = (0.1, 0.5, 1)


class Children(NamedTuple):
    """What one kind of request counts in."""

    total: Counter
    came_in: Summary
    went_out: Summary
    coarse: Histogram


class HttpMetrics:
    """Requests by path, method and class of status; sizes in bytes, durations in seconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._total = Counter(
            "http_requests_total",
            "Total number of requests by method, status and handler.",
            ("method", "status", "handler"),
            registry=registry,
        )
        self._came_in = Summary(
            "http_request_size_bytes",
            "Content length of incoming requests by handler.",
            ("handler",),
            registry=registry,
        )
        self._went_out = Summary(
            "http_response_size_bytes",
            "Content length of outgoing responses by handler.",
            ("handler",),
            registry=registry,
        )
        self._fine = Histogram(
            "http_request_duration_highr_seconds",
            "Latency with many buckets but no API specific labels.",
            buckets=FINE_BUCKETS_S,
            registry=registry,
        )
        self._coarse = Histogram(
            "http_request_duration_seconds",
            "Latency with only few buckets by handler.",
            ("method", "handler"),
            buckets=COARSE_BUCKETS_S,
            registry=registry,
        )
        self._children: dict[tuple[str, str, str], Children] = {}

    def note(
        self, handler: str, method: str, status: str, seconds: float, sizes: tuple[int, int]
    ) -> None:
        """Count one request; `status` is `2xx` and the like, `sizes` are of what came and went."""
        children = self._children.get((handler, method, status))
        if children is None:
            children = self._children[handler, method, status] = Children(
                self._total.labels(method, status, handler),
                self._came_in.labels(handler),
                self._went_out.labels(handler),
                self._coarse.labels(method, handler),
            )
        children.total.inc()
        children.came_in.observe(sizes[0])
        children.went_out.observe(sizes[1])
        self._fine.observe(seconds)
        children.coarse.observe(seconds)

    def of_framework(self, info: Info) -> None:
        """Count a request that a route of FastAPI answered."""
        came_in = info.request.headers.get("content-length", "")
        went_out = info.response.headers.get("content-length", "") if info.response else ""
        self.note(
            info.modified_handler,
            info.method,
            info.modified_status,
            info.modified_duration,
            (number(came_in), number(went_out)),
        )


def number(length: str | bytes) -> int:
    """A Content-Length; 0 for one that is missing or none."""
    return int(length) if length.isdigit() else 0
