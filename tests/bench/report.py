"""Results of a run: medians over its rounds, and ratios within each."""

import statistics
from collections.abc import Mapping, Sequence

from scripts.render import page

Rounds = Sequence[Mapping[str, Mapping[str, float]]]


def medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Return the median of each figure of each target."""
    return {
        name: {
            figure: statistics.median(each[name][figure] for each in rounds) for figure in figures
        }
        for name, figures in rounds[0].items()
    }


def ratio(rounds: Rounds, figure: str, target: str, base: str) -> float:
    """Return the median over rounds of a ratio within each."""
    return statistics.median(each[target][figure] / each[base][figure] for each in rounds)


def table(targets: Mapping[str, Mapping[str, float]]) -> str:
    """Render figures by target as Markdown."""
    figures = dict.fromkeys(figure for row in targets.values() for figure in row)
    cells = [
        [figure, *(f"{row[figure]:.4g}" if figure in row else "" for row in targets.values())]
        for figure in figures
    ]
    return page.table(("figure", *targets), cells)
