"""Figures of docs/capacity.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
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
    for column, (name, label) in enumerate(shown, start=1):
        axes = figure.add_subplot(1, 3, column)
        of = [row for row in rows if row.name == name]
        rates = [row.offered for row in of]
        axes.plot(rates, [row.measured for row in of], "o", color="#222222", label="measured")
        axes.plot(rates, [row.predicted for row in of], "-", color="#228833", label="simulated")
        axes.set_xlabel("requests/s offered")
        axes.set_title(label, fontsize=9)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=8)
    _save(figure, path)


def policies(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Plot p99 of the time to the first token, and between tokens, by load."""
    figure = Figure(figsize=(8.4, 3.2))
    shown = (("first_p99_s", "s to first token, p99"), ("token_p99_s", "s between tokens, p99"))
    for column, (name, label) in enumerate(shown, start=1):
        axes = figure.add_subplot(1, 2, column)
        for policy, colour in COLOURS.items():
            of = [row for row in rows if row["policy"] == policy]
            values = [row[name] for row in of]
            axes.plot([row["load"] for row in of], values, ".-", color=colour, label=policy)
        axes.set_yscale("log")
        axes.set_xlabel("share of the engines' limit")
        axes.set_title(label, fontsize=9)
        axes.grid(alpha=0.3, which="both")
    figure.axes[0].legend(fontsize=8)
    _save(figure, path)


def rack(small: Mapping[str, Any], large: Mapping[str, Any], path: Path) -> None:
    """Plot requests in decode and the time to the first token, second by second."""
    figure = Figure(figsize=(8.4, 4.6))
    for column, record in enumerate((small, large)):
        failure = record["failure"]
        inside = figure.add_subplot(2, 2, 1 + column)
        at = [sample["at_s"] for sample in record["inside"]]
        for name, label, colour in (
            ("running", "being written", BLUE),
            ("waiting", "waiting in engines", RED),
        ):
            counts = [sample[name] for sample in record["inside"]]
            inside.plot(at, counts, color=colour, label=label)
        count, engines = failure["count"], record["engines"]
        title = f"{count} of {engines:,} engines, {record['rate']:,.0f} requests/s"
        inside.set_title(title, fontsize=9)
        wait = figure.add_subplot(2, 2, 3 + column)
        for name, label, colour in (("first_p50_s", "median", BLUE), ("first_p99_s", "p99", RED)):
            seconds = [second for second, _ in record[name]]
            wait.plot(seconds, [value for _, value in record[name]], color=colour, label=label)
        wait.set_yscale("log")
        wait.set_xlabel("s")
        wait.set_ylabel("s to first token")
        for axes in (inside, wait):
            axes.axvspan(failure["at_s"], failure["at_s"] + failure["away_s"], color="#dddddd")
            axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=7)
    figure.axes[1].legend(fontsize=7)
    _save(figure, path)
