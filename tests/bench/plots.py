"""The pictures of docs/performance.md; needs matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.rcParams["svg.hashsalt"] = "mmhie"  # the same figures make the same file
OURS, OTHERS = "#00796b", "#b0bec5"
Figures = Mapping[str, Mapping[str, float]]


def bars(found: Figures, panels: Mapping[str, str], file: Path) -> None:
    """One panel for each figure, targets from best to worst; a logarithmic scale, since they lie
    three powers of ten apart."""
    page = Figure(figsize=(10, 2.6), layout="constrained")
    for at, (figure, title) in enumerate(panels.items()):
        rows = ranked(found, figure)
        axes = page.add_subplot(1, len(panels), at + 1)
        axes.barh(
            [name for name, _ in rows],
            [value for _, value in rows],
            color=[OURS if name == "gateway" else OTHERS for name, _ in rows],
        )
        axes.set_xscale("log")
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        for name, value in rows:
            shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            axes.annotate(f" {shown}", (value, name), va="center", fontsize=7)
        axes.margins(x=0.25)
    page.savefig(file, metadata={"Date": None})


def ranked(found: Figures, figure: str) -> Sequence[tuple[str, float]]:
    """Targets that have it, worst first, as bars are drawn from below."""
    rows = [(name, row[figure]) for name, row in found.items() if row.get(figure, 0) > 0]
    return sorted(rows, key=lambda row: row[1], reverse=figure != "req_s")
