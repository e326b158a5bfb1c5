"""A collector, and a gateway that sends it its traces."""

from collections.abc import Iterator

import pytest

from tests.gateway.observability.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running
