"""What charts share: their data, the plane they are drawn on, the words around it, and the table behind it.

Invariants: classes and attributes only (the content policy forbids inline style); colours are tokens; whole numbers in,
in a unit of the caller's choice, and `text` says how one reads. A chart never replaces its numbers: `figure` puts them
into a table behind it, and says from where they come and of when they are.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from cloudhall.console import formats
from cloudhall.kernel.text import Language, T

Text = Callable[[int], str]
SERIES_MAX = 5
GRID_LINES = 4
TOP, BOTTOM = 14, 22
LINE_PX, DIGIT_PX = 16, 7  # of chart labels, with room for large type
BESIDE_PX = 8
TENTHS = 10
STEPS = (1, 2, 3, 4, 5, 6, 8)
TABLE, TIME, VALUE = T("表格", "Table"), T("时间", "Time"), T("数值", "Value")
ORIGIN = T("{source}，截至 {time}", "{source}, as of {time}")
SUMMARY = T("{n} 个数值，从 {low} 到 {high}，最后是 {last}。", "{n} values from {low} to {high}, the last {last}.")
STARTS = T("纵轴从 {base} 起", "axis starts at {base}")
AND = T("；", "; ")


class Point(NamedTuple):
    """One value; `label` names its place on the axis, or the limit that it is."""

    label: str
    value: int


class Series(NamedTuple):
    """One of at most `SERIES_MAX` things in a chart; all have the same places. Its colour is that of its place."""

    title: T | str
    points: Sequence[Point]


class Origin(NamedTuple):
    """Who says so, and of when it is, in microseconds."""

    source: T | str
    as_of_us: int


class Plane(NamedTuple):
    """Where the axis of values starts, and whether the chart stands in a side column."""

    base: int = 0
    narrow: bool = False


class Frame(NamedTuple):
    """Measures of one drawing: values from `low` to `high` upwards, places from left to right, in units of its box."""

    low: int
    high: int
    width: int
    height: int
    left: int
    right: int

    @property
    def floor(self) -> float:
        """Where the axis of places lies."""
        return self.height - BOTTOM

    @property
    def edge(self) -> float:
        """Where the plane ends; names stand behind it."""
        return self.width - self.right

    def x(self, i: int, count: int) -> float:
        """Place of a point of a line, which begins and ends at the edges."""
        return round(self.left + (self.edge - self.left) * (i / (count - 1) if count > 1 else 1), 1)

    def slot(self, i: int, count: int) -> float:
        """Middle of a column."""
        return round(self.left + (self.edge - self.left) * (i + 0.5) / count, 1)

    def y(self, value: int) -> float:
        """Height of a value."""
        return round(self.floor - (self.floor - TOP) * (value - self.low) / (self.high - self.low), 1)


class Label(NamedTuple):
    """Words behind the edge of the plane."""

    y: float
    text: str
    css: str


def frame(plane: Plane, values: Iterable[int], text: Text, *, named: bool = False) -> Frame:
    """Frame that holds all values; `named` leaves room for names behind the edge."""
    high = plane.base + _room([v - plane.base for v in values], text)
    left = BESIDE_PX + 8 + max(len(text(v)) for v in (plane.base, high)) * DIGIT_PX
    if plane.narrow:
        return Frame(plane.base, high, 352, 150, left, 108 if named else 24)
    return Frame(plane.base, high, 760, 170, left, 168 if named else 72)


def said(title: T | str, language: Language) -> str:
    """Return a title in words."""
    return title.in_(language) if isinstance(title, T) else title


def distinct(series: Sequence[Series]) -> Sequence[Series]:
    """Series as they are, where they can be told apart."""
    if len(series) > SERIES_MAX:
        raise ValueError(f"{len(series)} series; at most {SERIES_MAX} can be told apart in one chart")
    return series


def grid(f: Frame, text: Text) -> Markup:
    """Lines across, each with its value."""
    drawn = []
    for value in range(f.low, f.high + 1, max((f.high - f.low) // GRID_LINES, 1)):
        y = f.y(value)
        drawn.append(Markup('<path class="grid" d="M{} {}H{}"/>').format(f.left, y, f.edge))
        drawn.append(label(f.left - BESIDE_PX, y + 4, text(value), "left"))
    return Markup("").join(drawn)


def axis(f: Frame, points: Sequence[Point], xs: Sequence[float]) -> Markup:
    """Names of places, as many as have room."""
    every = max(-(-len(points) // (3 if f.width < 400 else 5)), 1)
    shown = range(0, len(points), every)
    return Markup("").join(label(xs[i], f.height - 6, points[i].label, "mid") for i in shown)


def limit(f: Frame, at: Point) -> tuple[Markup, Label]:
    """Line of a limit, and its name."""
    y = f.y(at.value)
    return Markup('<path class="limit" d="M{} {}H{}"/>').format(f.left, y, f.edge), Label(y, at.label, "warned")


def beside(f: Frame, labels: Sequence[Label]) -> Markup:
    """Words behind the edge, moved apart where they would lie on each other."""
    ys = spread([found.y for found in labels], LINE_PX, TOP - 4, f.floor)
    spots = zip(labels, ys, strict=True)
    return Markup("").join(label(f.edge + BESIDE_PX, y + 4, found.text, found.css) for found, y in spots)


def spread(ys: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places in their order, `gap` apart at least, and between `low` and `high` as far as they fit."""
    order, moved = sorted(range(len(ys)), key=ys.__getitem__), list(ys)
    floor, ceiling = low, high
    for i in order:
        moved[i] = max(moved[i], floor)
        floor = moved[i] + gap
    for i in reversed(order):
        moved[i] = min(moved[i], ceiling)
        ceiling = moved[i] - gap
    return moved


def label(x: float, y: float, text: str, css: str) -> Markup:
    """Words in a drawing."""
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(css, round(x, 1), round(y, 1), text)


def drawing(f: Frame, title: str, summary: str, drawn: Sequence[Markup]) -> Markup:
    """SVG with a name and what it shows in one sentence; narrow screens scroll inside it."""
    svg = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><desc>{}</desc>{}</svg>')
    inside = svg.format(f.width, f.height, title, summary, Markup("").join(drawn))
    css = "plot narrow" if f.width < 400 else "plot"
    return Markup('<div class="{}" tabindex="0">{}</div>').format(css, inside)


def figure(
    language: Language, title: str, drawn: Markup, table: Markup, *, origin: Origin | None, about: str = ""
) -> Markup:
    """Put a drawing under its title and origin, and its numbers behind it."""
    words = AND.in_(language).join(filter(None, (source(language, origin), about)))
    head = Markup("<figcaption><b>{}</b> <span>{}</span></figcaption>").format(title, words)
    more = Markup("<details><summary>{}</summary>{}</details>").format(TABLE.in_(language), table)
    return Markup('<figure class="chart">{}{}{}</figure>').format(head, drawn, more)


def source(language: Language, origin: Origin | None) -> str:
    """Say from where numbers come and of when they are."""
    if origin is None:
        return ""
    as_of = formats.clock(origin.as_of_us, language)
    return ORIGIN.in_(language).format(source=said(origin.source, language), time=as_of)


def starts(language: Language, plane: Plane, text: Text) -> str:
    """Say where the axis starts, if it is not at 0."""
    return STARTS.in_(language).format(base=text(plane.base)) if plane.base else ""


def summary(language: Language, points: Sequence[Point], text: Text) -> str:
    """Say in one sentence what a series does."""
    values = [p.value for p in points]
    low, high, last = (text(v) for v in (min(values), max(values), values[-1]))
    return SUMMARY.in_(language).format(n=len(values), low=low, high=high, last=last)


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Markup]]) -> Markup:
    """Numbers of a chart; the first column names a row, the others are right-aligned."""
    first = Markup('<th scope="col">{}</th>').format(heads[0])
    columns = Markup("").join(Markup('<th scope="col" class="n">{}</th>').format(h) for h in heads[1:])
    body = Markup("").join(_row(row) for row in rows)
    whole = Markup('<table class="plain"><thead><tr>{}{}</tr></thead><tbody>{}</tbody></table>')
    return whole.format(first, columns, body)


def numbers(language: Language, series: Sequence[Series], limits: Sequence[Point], text: Text) -> Markup:
    """Table of series over the same places, and of the limits beside them."""
    names = [said(s.title, language) for s in series]
    rows = [[p.label, *(text(s.points[i].value) for s in series)] for i, p in enumerate(series[0].points)]
    rows += [[at.label, text(at.value), *("" for _ in names[1:])] for at in limits]
    return table([TIME.in_(language), *names], rows)


def _row(cells: Sequence[str | Markup]) -> Markup:
    first = Markup("<td>{}</td>").format(cells[0])
    return Markup("<tr>{}{}</tr>").format(
        first, Markup("").join(Markup('<td class="n">{}</td>').format(c) for c in cells[1:])
    )


def _room(values: Sequence[int], text: Text) -> int:
    """Height of an axis that holds all values and whose lines read differently; sizes are cut in their binary unit."""
    most = max([*values, 0])
    unit = TENTHS
    while text is formats.size and most >= unit * formats.STEP // TENTHS:
        unit *= formats.STEP
    least = -(-most * TENTHS // unit)
    tops = [GRID_LINES * step * unit // TENTHS for step in steps_from(-(-least // GRID_LINES))]
    return next((top for top in tops if _differ(top, text)), tops[0])


def _differ(top: int, text: Text) -> bool:
    """Whether every line has a label of its own: of whole things there is no half one."""
    return len({text(top * i // GRID_LINES) for i in range(GRID_LINES + 1)}) == GRID_LINES + 1


def steps_from(least: int) -> list[int]:
    """Round steps between lines, from the least that will do to a thousand times it and more."""
    power = 10 ** (len(str(least)) - 1)
    return [n * power * up for up in (1, 10, 100, 1_000) for n in STEPS if n * power * up >= max(least, 1)]
