"""Cells count in plain numbers, which are poured into the metrics when these are collected.

For each number prometheus-client takes a lock and searches the buckets in Python: two thirds of
what counting a request took.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, Summary
from prometheus_client.registry import Collector


class CounterCell:
    """Stands in for a counter."""

    __slots__ = ("_amount", "_child")

    def __init__(self, child: Counter) -> None:
        self._child = child
        self._amount = 0

    def inc(self, amount: int = 1) -> None:
        self._amount += amount

    def pour(self) -> None:
        amount, self._amount = self._amount, 0
        self._child.inc(amount)


class SummaryCell:
    """Stands in for a summary."""

    __slots__ = ("_child", "_count", "_sum")

    def __init__(self, child: Summary) -> None:
        self._child = child
        self._count = self._sum = 0

    def observe(self, amount: int) -> None:
        self._count += 1
        self._sum += amount

    def pour(self) -> None:
        self._child._count.inc(self._count)
        self._child._sum.inc(self._sum)
        self._count = self._sum = 0


class HistogramCell:
    """Stands in for a histogram."""

    __slots__ = ("_bounds", "_child", "_counts", "_sum")

    def __init__(self, child: Histogram) -> None:
        self._child = child
        self._bounds = child._upper_bounds
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, amount: float) -> None:
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    def pour(self) -> None:
        for bucket, count in zip(self._child._buckets, self._counts, strict=True):
            bucket.inc(count)
        self._child._sum.inc(self._sum)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0


Cell = TypeVar("Cell", CounterCell, SummaryCell, HistogramCell)


class Cells(Collector):
    """The cells of one process, for its event loop alone: they have no lock."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._cells: list[CounterCell | SummaryCell | HistogramCell] = []
        registry.register(self)  # before the metrics: pours before they are collected

    def collect(self) -> Iterable[Metric]:
        """Pour all cells; the metrics are collected next."""
        for cell in self._cells:
            cell.pour()
        return ()

    def counter(self, child: Counter) -> CounterCell:
        return self._keep(CounterCell(child))

    def summary(self, child: Summary) -> SummaryCell:
        return self._keep(SummaryCell(child))

    def histogram(self, child: Histogram) -> HistogramCell:
        return self._keep(HistogramCell(child))

    def _keep(self, cell: Cell) -> Cell:
        self._cells.append(cell)
        return cell
