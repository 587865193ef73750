"""Lines over time, drawn as SVG and as text for a terminal, and a page of them that needs nothing else.

Pure functions from numbers to text. Colours are readable for the colour-blind and follow the reader's light or dark.
"""

import html
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cloudhall.kernel.text import Language, T

WIDTH, HEIGHT = 860, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 40
COLOURS = ("#0b6bcb", "#c4501b", "#2a8a4a")
TEXT_COLUMNS, TEXT_ROWS = 72, 12
SHADES = ("█", "▒", "░")
TICKS = 5
HOUR_S = 3600
STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}th{text-align:left;font-weight:400;padding:.15rem 2rem .15rem 0}
td{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto;margin:1rem 0}
"""


class Line(NamedTuple):
    """One line: its name and a value a point."""

    name: T
    values: Sequence[float]


class Chart(NamedTuple):
    """Lines over the same points in time, in seconds, ascending. The first line is the highest one."""

    title: T
    at_s: Sequence[int]
    lines: Sequence[Line]


def svg(chart: Chart, language: Language) -> str:
    """One SVG element, `WIDTH` by `HEIGHT`, values from 0 up."""
    top = ticks_to(max((max(line.values, default=0) for line in chart.lines), default=0))[-1]
    end_h = ticks_to(max(chart.at_s, default=0) / HOUR_S)[-1]
    title = html.escape(chart.title.in_(language))
    font = 'font-family="system-ui,Noto Sans CJK SC,sans-serif" font-size="12" fill="currentColor"'
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {font}>',
        f'<text x="{LEFT}" y="16" font-size="14">{title}</text>',
        *_axes(top, end_h, language),
    ]
    for line, colour in zip(chart.lines, COLOURS, strict=False):
        points = " ".join(f"{_x(at / HOUR_S, end_h):.1f},{_y(v, top):.1f}" for at, v in _steps(chart.at_s, line.values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    parts += _legend(chart.lines, language)
    return "\n".join([*parts, "</svg>"])


def _axes(top: float, end_h: float, language: Language) -> Iterator[str]:
    for value in ticks_to(top):
        y = _y(value, top)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="currentColor" stroke-opacity=".15"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,g}</text>'
    for value in ticks_to(end_h):
        yield f'<text x="{_x(value, end_h):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value:,g}</text>'
    hours = T("小时", "hours").in_(language)
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{hours}</text>'


def _legend(lines: Sequence[Line], language: Language) -> Iterator[str]:
    x = LEFT
    for line, colour in zip(lines, COLOURS, strict=False):
        name = line.name.in_(language)
        yield f'<rect x="{x}" y="{HEIGHT - 15}" width="14" height="4" fill="{colour}"/>'
        yield f'<text x="{x + 20}" y="{HEIGHT - 8}">{html.escape(name)}</text>'
        x += 40 + 13 * len(name)


def ticks_to(top: float) -> list[float]:
    """Round numbers from 0 to the first one at or above `top`: steps of 1, 2 or 5 by a power of ten."""
    if top <= 0:
        return [0.0, 1.0]
    step = 10.0 ** (len(str(int(top))) - 2)
    step *= next(factor for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if step * factor * TICKS >= top)
    count = int(-(-top // step))
    return [round(step * number, 9) for number in range(count + 1)]


def text(chart: Chart, language: Language, *, columns: int = TEXT_COLUMNS, rows: int = TEXT_ROWS) -> str:
    """Draw as blocks: each line fills from 0 up to its value, later lines over earlier ones; a key below."""
    buckets = [_buckets(chart.at_s, line.values, columns) for line in chart.lines]
    top = max((max(bucket) for bucket in buckets), default=0) or 1
    left = len(f"{top:,.0f}")
    drawn = [chart.title.in_(language)]
    for row in range(rows, 0, -1):
        floor = top * (row - 0.5) / rows
        label = f"{top * row / rows:,.0f}" if row in (rows, rows // 2) else ""
        cells = "".join(_cell([bucket[column] for bucket in buckets], floor) for column in range(columns))
        drawn.append(f"{label:>{left}} {cells}".rstrip())
    hours = T("小时", "h").in_(language)
    drawn.append(f"{'0':>{left}} {'─' * columns} {max(chart.at_s, default=0) / HOUR_S:.0f} {hours}")
    key = zip(chart.lines, reversed(SHADES[: len(chart.lines)]), strict=True)
    return "\n".join([*drawn, "  ".join(f"{shade} {line.name.in_(language)}" for line, shade in key)])


def _cell(values: Sequence[float], floor: float) -> str:
    """Shade of the last line that reaches this high."""
    shades = SHADES[len(values) - 1 :: -1]
    return next((shade for value, shade in zip(values[::-1], shades[::-1], strict=True) if value >= floor), " ")


def table(figures: Sequence[tuple[T, str]], language: Language) -> list[str]:
    """Figures as lines, values below each other; Chinese characters are two columns wide."""
    names = [(name.in_(language), value) for name, value in figures]
    left = max(map(_width, (name for name, _ in names)), default=0)
    return [f"{name}{' ' * (left - _width(name))}  {value}" for name, value in names]


def _width(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def page(title: T, figures: Sequence[tuple[T, str]], charts: Sequence[Chart], language: Language) -> str:
    """Write one HTML file with nothing outside it: the figures as a table, then the charts."""
    rows = "\n".join(
        f"<tr><th scope=row>{html.escape(name.in_(language))}<td>{html.escape(value)}" for name, value in figures
    )
    drawn = "\n".join(svg(chart, language) for chart in charts)
    head = html.escape(title.in_(language))
    return (
        f'<!doctype html>\n<html lang="{language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{head}</title><style>{STYLE}</style>\n'
        f"<h1>{head}</h1>\n<table>\n{rows}\n</table>\n{drawn}\n</html>\n"
    )


def _x(hour: float, end_h: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * hour / end_h


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _steps(at_s: Sequence[int], values: Sequence[float]) -> Iterator[tuple[int, float]]:
    """Points to draw: at most two a pixel, the least and the greatest value there."""
    width = max(1, len(at_s) // (WIDTH - LEFT - RIGHT))
    for first in range(0, len(at_s), width):
        part = values[first : first + width]
        yield at_s[first], min(part)
        if width > 1:
            yield at_s[first], max(part)


def _buckets(at_s: Sequence[int], values: Sequence[float], columns: int) -> list[float]:
    """Greatest value in each of `columns` equal spans of time; a span without a point keeps the last value."""
    greatest, end = [-1.0] * columns, max(at_s, default=0) + 1
    for at, value in zip(at_s, values, strict=True):
        column = at * columns // end
        greatest[column] = max(greatest[column], value)
    for column in range(columns):
        if greatest[column] < 0:
            greatest[column] = greatest[column - 1] if column else 0.0
    return greatest
