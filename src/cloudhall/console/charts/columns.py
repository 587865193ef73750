"""Columns over equal steps: single ones, and stacks of up to five parts that carry their names at the right."""

from collections.abc import Sequence

from markupsafe import Markup

from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import Frame, Label, Origin, Plane, Point, Series, Text
from cloudhall.kernel.text import Language, T

PLANE = Plane()
WIDTH_MAX, GAP = 12.0, 0.5
WHOLE = T("合计", "In all")


def bars(
    language: Language,
    points: Sequence[Point],
    text: Text,
    *,
    title: str,
    limit: Point | None = None,
    plane: Plane = PLANE,
    origin: Origin | None = None,
) -> Markup:
    """Draw a column for each place. They stand on 0 whatever the plane says: a cut column lies."""
    if not points:
        return Markup("")
    limits = [limit] if limit else []
    f = fr.frame(plane._replace(base=0), [p.value for p in (*points, *limits)], text, named=bool(limit))
    xs = [f.slot(i, len(points)) for i in range(len(points))]
    drawn = [fr.grid(f, text), fr.axis(f, points, xs)]
    drawn += [_column(f, x, p, len(points), text) for x, p in zip(xs, points, strict=True)]
    marks = [fr.limit(f, at) for at in limits]
    drawn += [*(shape for shape, _ in marks), fr.beside(f, [name for _, name in marks])]
    table = fr.numbers(language, [Series(fr.VALUE, points)], limits, text)
    svg = fr.drawing(f, title, fr.summary(language, points, text), drawn)
    return fr.figure(language, title, svg, table, origin=origin)


def stack(
    language: Language,
    series: Sequence[Series],
    text: Text,
    *,
    title: str,
    plane: Plane = PLANE,
    origin: Origin | None = None,
) -> Markup:
    """Draw columns of parts that add up, the largest part at the bottom, each named beside the last column."""
    if not series or not series[0].points:
        return Markup("")
    wholes = [Point(row[0].label, sum(p.value for p in row)) for row in zip(*(s.points for s in series), strict=True)]
    f = fr.frame(plane._replace(base=0), [p.value for p in wholes], text, named=True)
    xs = [f.slot(i, len(wholes)) for i in range(len(wholes))]
    drawn, below, ends = [fr.grid(f, text), fr.axis(f, wholes, xs)], [0] * len(wholes), list[Label]()
    ordered = sorted(enumerate(fr.distinct(series), 1), key=lambda item: -sum(p.value for p in item[1].points))
    for colour, s in ordered:
        title_ = fr.said(s.title, language)
        for i, (x, p) in enumerate(zip(xs, s.points, strict=True)):
            hint = f"{p.label} {title_} {text(p.value)}"
            drawn.append(_segment(f, x, (below[i], below[i] + p.value), len(xs), f"c{colour}", hint))
            below[i] += p.value
        middle = (f.y(below[-1]) + f.y(below[-1] - s.points[-1].value)) / 2
        ends.append(Label(middle, title_, "name"))
    drawn.append(fr.beside(f, ends))
    table = fr.numbers(language, [*series, Series(WHOLE, wholes)], (), text)
    svg = fr.drawing(f, title, fr.summary(language, wholes, text), drawn)
    return fr.figure(language, title, svg, table, origin=origin)


def _column(f: Frame, x: float, p: Point, count: int, text: Text) -> Markup:
    return _segment(f, x, (0, p.value), count, "bar", f"{p.label} {text(p.value)}")


def _segment(f: Frame, x: float, part: tuple[int, int], count: int, css: str, hint: str) -> Markup:
    """Part of a column between two values, with a gap below it that keeps neighbours apart."""
    width = min(WIDTH_MAX, (f.edge - f.left) / count * 2 / 3)
    top, base = f.y(part[1]), f.y(part[0]) - (GAP if part[0] else 0)
    shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
    return shape.format(css, round(x - width / 2, 1), top, round(width, 1), round(max(base - top, 0), 1), hint)
