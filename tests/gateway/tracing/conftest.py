"""A collector, and a gateway that sends it its traces."""

from collections.abc import Iterator

import pytest

from tests.contract.conftest import engine, start, the_engine
from tests.gateway.tracing.collector import Collector

__all__ = ["engine", "start", "the_engine"]


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.stop()
