"""Figures of docs/capacity.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.simulation.calibration import CalibrationPoint

mpl.use("Agg")
BLUE, RED = "#4477aa", "#ee6677"
COLOURS: Final = {
    "random": "#8a8a8a",
    "round_robin": BLUE,
    "power_of_two": "#228833",
    "consistent_hash": RED,
    "cache_aware": "#aa3377",
}
DPI: Final = 100


def _axes(
    figure: Figure,
    place: tuple[int, int, int],
    title: str,
    grid: Literal["major", "both"] = "major",
) -> Axes:
    axes = figure.add_subplot(*place)
    axes.set_title(title, fontsize=9)
    axes.grid(alpha=0.3, which=grid)
    return axes


def _save(figure: Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def two_engines(rows: Sequence[CalibrationPoint], path: Path) -> None:
    """Plot predicted and measured metrics by offered rate."""
    figure = Figure(figsize=(8.4, 2.9))
    shown = (
        ("rate", "answers a second"),
        ("first_mean_s", "s to first token, mean"),
        ("token_s", "s between tokens, mean"),
    )
    for column, (name, title) in enumerate(shown, start=1):
        axes = _axes(figure, (1, 3, column), title)
        of = [row for row in rows if row.name == name]
        rates = [row.offered for row in of]
        axes.plot(rates, [row.measured for row in of], "o", color="#222222", label="measured")
        axes.plot(rates, [row.predicted for row in of], "-", color="#228833", label="simulated")
        axes.set_xlabel("requests/s offered")
        axes.set_ylim(bottom=0)
    figure.axes[0].legend(fontsize=8)
    _save(figure, path)


def policies(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Plot p99 of the time to the first token, and between tokens, by load."""
    figure = Figure(figsize=(8.4, 3.2))
    shown = (("first_p99_s", "s to first token, p99"), ("token_p99_s", "s between tokens, p99"))
    for column, (name, title) in enumerate(shown, start=1):
        axes = _axes(figure, (1, 2, column), title, grid="both")
        for policy, colour in COLOURS.items():
            of = [row for row in rows if row["policy"] == policy]
            values = [row[name] for row in of]
            axes.plot([row["load"] for row in of], values, ".-", color=colour, label=policy)
        axes.set_yscale("log")
        axes.set_xlabel("share of the engines' limit")
    figure.axes[0].legend(fontsize=8)
    _save(figure, path)


def rack(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Plot requests in decode and the time to the first token, second by second."""
    figure = Figure(figsize=(8.4, 4.6))
    for column, record in enumerate(records, start=1):
        failure, engines = record["failure"], record["engines"]
        title = f"{failure['count']} of {engines:,} engines, {record['rate']:,.0f} requests/s"
        inside, wait = _axes(figure, (2, 2, column), title), _axes(figure, (2, 2, 2 + column), "")
        at = [sample["at_s"] for sample in record["inside"]]
        for name, label, colour in (
            ("running", "being written", BLUE),
            ("waiting", "waiting in engines", RED),
        ):
            counts = [sample[name] for sample in record["inside"]]
            inside.plot(at, counts, color=colour, label=label)
        for name, label, colour in (("first_p50_s", "median", BLUE), ("first_p99_s", "p99", RED)):
            wait.plot(*zip(*record[name], strict=True), color=colour, label=label)
        wait.set_yscale("log")
        wait.set_xlabel("s")
        wait.set_ylabel("s to first token")
        for axes in (inside, wait):
            axes.axvspan(failure["at_s"], failure["at_s"] + failure["away_s"], color="#dddddd")
    for axes in figure.axes[:2]:
        axes.legend(fontsize=7)
    _save(figure, path)
