"""HTTP in numbers, counted by the names that dashboards know."""

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_fastapi_instrumentator import Instrumentator, metrics

from gateway.http_metrics import HttpMetrics, number


def counted(registry: CollectorRegistry) -> set[str]:
    """What an exposition says, less the times."""
    lines = generate_latest(registry).decode().splitlines()
    return {line for line in lines if not re.search("duration|HELP|_created", line)}


def test_the_same_as_the_library_counts() -> None:
    """Names, labels and sizes; on a path of the framework's."""
    found = []
    for ours in (True, False):
        registry, app = CollectorRegistry(), FastAPI()
        note = HttpMetrics(registry).of_framework if ours else metrics.default(registry=registry)
        assert note is not None
        Instrumentator(registry=registry).add(note).instrument(app)
        app.post("/echo")(lambda: "x")
        with TestClient(app) as client:
            client.post("/echo", content=b"12345")
            client.get("/echo")
        found.append(counted(registry))

    assert found[0] == found[1]
    assert any("http_requests_total" in line for line in found[0])


def test_durations_have_the_library_s_buckets() -> None:
    """Dashboards compute quantiles from them."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    http = HttpMetrics(ours)
    http.note("/x", "GET", "2xx", 0.2, (3, 4))
    metrics.default(registry=theirs)
    names = "http_request_duration_highr_seconds_bucket"
    buckets = [
        [line.split()[0] for line in generate_latest(one).decode().splitlines() if names in line]
        for one in (ours, theirs)
    ]

    assert buckets[0] == buckets[1] != []
    assert b'http_request_duration_seconds_bucket{handler="/x",le="0.5",method="GET"} 1.0' in (
        generate_latest(ours)
    )


@pytest.mark.parametrize(("length", "size"), [("12", 12), ("", 0), (b"-1", 0), ("1e3", 0)])
def test_a_length_is_digits(length: str | bytes, size: int) -> None:
    """Whatever else a caller writes there counts as nothing."""
    assert number(length) == size
