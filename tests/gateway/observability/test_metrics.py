"""Metrics: what tallies count is what prometheus-client counts."""

from functools import partial

import prometheus_client
from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest

from gateway.observability.families import FINE_BUCKETS_S
from gateway.observability.tally import Count, Histogram, Summary

LABELS = ("route", "outcome")


def test_tallies_count_as_the_library_does() -> None:
    """Also at the bounds of buckets, with labels that have to be escaped, over several scrapes."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    count = Count(ours, "c", "A count.", LABELS)
    summary = Summary(ours, "s", "A summary.", LABELS)
    histogram = Histogram(ours, "h", "A histogram.", FINE_BUCKETS_S, LABELS)
    plain = Histogram(ours, "p", "Without labels.", FINE_BUCKETS_S)
    counter = prometheus_client.Counter("c", "A count.", LABELS, registry=theirs)
    reference = prometheus_client.Summary("s", "A summary.", LABELS, registry=theirs)
    fine = partial(prometheus_client.Histogram, buckets=FINE_BUCKETS_S, registry=theirs)
    buckets = fine("h", "A histogram.", LABELS)
    bare = fine("p", "Without labels.")

    for at, amount in enumerate((*FINE_BUCKETS_S, 0.0, 0.25, 61, 1e9)):
        labels = (f'/a"\\{at % 3}', "ok")
        count.inc(*labels, by=at)
        counter.labels(*labels).inc(at)
        summary.observe(at, *labels)
        reference.labels(*labels).observe(at)
        histogram.observe(amount, *labels)
        buckets.labels(*labels).observe(amount)
        plain.observe(amount)
        bare.observe(amount)
        if at % 5 == 0:
            assert generate_latest(ours) == generate_latest(theirs)
    assert generate_latest(ours) == generate_latest(theirs)


def test_a_series_begins_at_zero() -> None:
    """Prometheus sees its first increase; a count without labels has one series."""
    registry = CollectorRegistry()
    Count(registry, "a", "Of two kinds.", ("kind",)).begin([("x",), ("y",)])
    Count(registry, "b", "Without kinds.")
    lines = generate_latest(registry).decode().splitlines()

    assert [line for line in lines if not line.startswith("#")] == [
        'a_total{kind="x"} 0.0',
        'a_total{kind="y"} 0.0',
        "b_total 0.0",
    ]
