"""Metrics: our own with closed sets of labels, and HTTP metrics with common names."""

import re
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from gateway.observability.cells import Cells
from gateway.observability.metrics import FINE_BUCKETS_S, HttpMetrics
from gateway.record import RequestRecord


def counted(registry: CollectorRegistry) -> set[str]:
    """Return an exposition without the times."""
    lines = generate_latest(registry).decode().splitlines()
    return {line for line in lines if not re.search("duration_[a-z_]*sum|_bucket|_created", line)}


class Uncounted(Cells):
    """No cells: the library counts."""

    def counter(self, child: Any) -> Any:
        return child

    summary = histogram = counter


def test_cells_count_as_the_library_does() -> None:
    """Also at the bounds of buckets, and over several scrapes."""
    registries = CollectorRegistry(), CollectorRegistry()
    cells = Cells(registries[0]), Uncounted(registries[1])
    poured, direct = map(HttpMetrics, registries, cells)
    for at, seconds in enumerate((*FINE_BUCKETS_S, 0.0, 0.25, 61, 1e9)):
        record = RequestRecord("r", "POST", declared_bytes=at, status=200 + 100 * (at % 4))
        record.finish("/echo")
        record.ms = seconds * 1000
        poured.observe(record)
        direct.observe(record)
        if at % 5 == 0:
            assert list_lines(registries[0]) == list_lines(registries[1])
    assert list_lines(registries[0]) == list_lines(registries[1])


def list_lines(registry: CollectorRegistry) -> list[bytes]:
    """The lines of the exposition, but for the times at which metrics were made."""
    lines = generate_latest(registry).splitlines()
    return [line for line in lines if b"_created" not in line]
