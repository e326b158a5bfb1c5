"""Line and bar charts as SVG: few figures on a page that loads nothing need no library."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 34, 44
STEPS: Final = 4


def nice_top(largest: float) -> float:
    """Return the next round number whose quarter is round too."""
    if largest <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(largest))
    return next(step * unit for step in (1, 2, 4, 6, 8, 10) if step * unit >= largest)


def line_chart(title: str, unit: str, x_title: str, series: Mapping[str, Points]) -> str:
    """Draw series over a logarithmic x axis; the first word of a name is its line's class."""
    xs = sorted({x for points in series.values() for x, _ in points})
    top = nice_top(max(y for points in series.values() for _, y in points))
    span = math.log(xs[-1] / xs[0]) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / xs[0]) / span if len(xs) > 1 else 0.5
        return (
            round(LEFT + across * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM), 1),
        )

    parts = [*grid(top), *(x_label(place(x, 0)[0], f"{x:g}") for x in xs)]
    for name, points in series.items():
        parts += drawn(class_of(name), [place(*point) for point in points])
    parts.append(legend(list(series)))
    return svg(f"{title}, {unit}", x_title, parts)


def class_of(name: str) -> str:
    """Return the style class of a series or a bar."""
    return escape(name.split()[0])


def drawn(style: str, points: list[tuple[float, float]]) -> list[str]:
    """Draw one line with its points."""
    path = " ".join(f"{x},{y}" for x, y in points)
    dots = [f'<circle class="{style}" cx="{x}" cy="{y}" r="3.5"/>' for x, y in points]
    return [f'<polyline class="{style}" points="{path}"/>', *dots]


def bar_chart(title: str, unit: str, bars: Mapping[str, float]) -> str:
    """Draw a bar for each name; the first word of a name is its class."""
    top = nice_top(max(bars.values()))
    room = (WIDTH - LEFT - RIGHT) / len(bars)
    width = min(80.0, room * 0.6)
    parts = list(grid(top))
    for place, (name, value) in enumerate(bars.items()):
        middle = LEFT + room * (place + 0.5)
        height = value / top * (HEIGHT - TOP - BOTTOM)
        y = HEIGHT - BOTTOM - height
        parts.append(
            f'<rect class="{class_of(name)}" x="{middle - width / 2:.1f}" y="{y:.1f}" '
            f'width="{width:.1f}" height="{height:.1f}" rx="2"/>'
        )
        parts.append(f'<text x="{middle:.1f}" y="{y - 5:.1f}">{shown(value)}</text>')
        parts.append(x_label(middle, name))
    return svg(f"{title}, {unit}", "", parts)


def grid(top: float) -> list[str]:
    """Draw the horizontal lines with their values."""
    parts = []
    for step in range(STEPS + 1):
        y = HEIGHT - BOTTOM - step / STEPS * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        value = shown(top * step / STEPS)
        parts.append(f'<text class="scale" x="{LEFT - 8}" y="{y + 4:.1f}">{value}</text>')
    return parts


def x_label(x: float, text: str) -> str:
    """Write below the x axis."""
    return f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17}">{escape(text)}</text>'


def legend(names: Sequence[str]) -> str:
    """Name the lines, at the bottom left."""
    items = []
    for place, name in enumerate(names):
        x, y = LEFT + 116 * place, HEIGHT - 8
        items.append(f'<circle class="{class_of(name)}" cx="{x}" cy="{y - 4}" r="3.5"/>')
        items.append(f'<text class="name" x="{x + 8}" y="{y}">{escape(name)}</text>')
    return "".join(items)


def svg(title: str, x_title: str, parts: Sequence[str]) -> str:
    """Return a whole drawing."""
    label = f'<text class="scale" x="{WIDTH - RIGHT}" y="{HEIGHT - 8}">{escape(x_title)}</text>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<text class="title" x="4" y="{TOP - 14}">{escape(title)}</text>'
        f"{''.join(parts)}{label}</svg>"
    )


def shown(value: float) -> str:
    """Format a figure in three digits, as far as it has them."""
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
