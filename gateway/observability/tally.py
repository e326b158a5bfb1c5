"""Tallies count in plain numbers, which become metrics when these are collected.

A counter of prometheus-client takes a lock for each number, and a histogram searches its buckets in
Python: two thirds of what counting a request took. Each tally has one thread that counts.
"""

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Tally(Collector):
    """A metric family: its name, its text and the names of its labels."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Labels = ()
    ) -> None:
        self.name, self.text, self.labels = name, text, labels
        registry.register(self)

    @abstractmethod
    def collect(self) -> Iterator[Metric]: ...


class Count(Tally):
    """A counter. A series begins with its first event, or at 0 where `begin` names it."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Labels = ()
    ) -> None:
        super().__init__(registry, name, text, labels)
        self._amounts: dict[Labels, int] = {} if labels else {(): 0}

    def begin(self, series: Iterable[Labels]) -> None:
        """Begin series at 0, so that Prometheus sees their first increase."""
        self._amounts |= dict.fromkeys(series, 0)

    def inc(self, *labels: str, by: int = 1) -> None:
        self._amounts[labels] = self._amounts.get(labels, 0) + by

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self.name, self.text, labels=self.labels)
        for labels, amount in self._amounts.copy().items():
            family.add_metric(labels, amount)
        yield family


class Summary(Tally):
    """The number and the sum of what was observed."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Labels = ()
    ) -> None:
        super().__init__(registry, name, text, labels)
        self._rows: dict[Labels, tuple[int, int]] = {}

    def observe(self, amount: int, *labels: str) -> None:
        count, total = self._rows.get(labels, (0, 0))
        self._rows[labels] = count + 1, total + amount

    def collect(self) -> Iterator[Metric]:
        family = SummaryMetricFamily(self.name, self.text, labels=self.labels)
        for labels, (count, total) in self._rows.copy().items():
            family.add_metric(labels, count, total)
        yield family


class Histogram(Tally):
    """The number of observations in each bucket, and their sum."""

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        text: str,
        bounds: Sequence[float],
        labels: Labels = (),
    ) -> None:
        super().__init__(registry, name, text, labels)
        self._bounds = (*bounds, float("inf"))
        self._rows: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}
        if not labels:
            self._begin(())

    def _begin(self, labels: Labels) -> list[int]:
        self._sums[labels] = 0.0
        return self._rows.setdefault(labels, [0] * len(self._bounds))

    def observe(self, amount: float, *labels: str) -> None:
        row = self._rows.get(labels) or self._begin(labels)
        row[bisect_left(self._bounds, amount)] += 1
        self._sums[labels] += amount

    def collect(self) -> Iterator[Metric]:
        names = list(map(floatToGoString, self._bounds))
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels)
        for labels, row in self._rows.copy().items():
            family.add_metric(
                labels, list(zip(names, accumulate(row), strict=True)), self._sums[labels]
            )
        yield family
