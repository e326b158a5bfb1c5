"""HTTP in numbers, by the names that dashboards know: the library's, whoever answers."""

import re

from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_fastapi_instrumentator import Instrumentator, metrics

from gateway.observability.metrics import HttpMetrics
from gateway.record import RequestRecord


def counted(registry: CollectorRegistry) -> set[str]:
    """Return an exposition, less the times."""
    lines = generate_latest(registry).decode().splitlines()
    return {line for line in lines if not re.search("duration_[a-z_]*sum|_bucket|_created", line)}


def test_a_token_path_counts_as_the_library_does() -> None:
    """Names, labels, sizes and buckets; a stream has no declared length."""
    ours, theirs, app = CollectorRegistry(), CollectorRegistry(), FastAPI()
    record = RequestRecord("r", "POST", declared_bytes=5, status=200)
    record.finish("/echo")
    HttpMetrics(ours).observe(record)
    note = metrics.default(registry=theirs)
    assert note is not None
    Instrumentator(registry=theirs).add(note).instrument(app)
    app.post("/echo", status_code=204)(lambda: None)
    with TestClient(app) as client:
        client.post("/echo", content=b"12345")

    assert counted(ours) == counted(theirs)
    assert any("http_requests_total{" in line for line in counted(ours))


def test_durations_are_observed() -> None:
    """In both histograms; dashboards compute quantiles from them. A request whose caller left
    before a status counts as the caller's doing."""
    registry = CollectorRegistry()
    record = RequestRecord("r", "GET", status=503, route="/x", ms=200.0)
    HttpMetrics(registry).observe(record)
    text = generate_latest(registry).decode()

    assert 'http_request_duration_seconds_bucket{handler="/x",le="0.5",method="GET"} 1.0' in text
    assert 'http_request_duration_highr_seconds_bucket{le="0.25"} 1.0' in text
    assert 'http_requests_total{handler="/x",method="GET",status="5xx"} 1.0' in text
    HttpMetrics(left := CollectorRegistry()).observe(RequestRecord("r", "POST", route="/x"))
    assert 'status="4xx"} 1.0' in generate_latest(left).decode()
