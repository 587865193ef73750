"""Lines over equal steps: one with its area, forecast and limit, or up to five that carry their names at their ends."""

from collections.abc import Sequence

from markupsafe import Markup

from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import Frame, Label, Origin, Plane, Point, Series, Text
from cloudhall.kernel.text import Language, T

PLANE = Plane()
FORECAST = T("{label}（预测）", "{label} (forecast)")


def line(
    language: Language,
    points: Sequence[Point],
    text: Text,
    *,
    title: str,
    limit: Point | None = None,
    forecast: Sequence[Point] = (),
    plane: Plane = PLANE,
    origin: Origin | None = None,
) -> Markup:
    """Draw one line; `forecast` goes on dashed, the last value and the limit are named. Nothing of no points."""
    if not points:
        return Markup("")
    whole, limits = [*points, *forecast], [limit] if limit else []
    f = fr.frame(plane, [p.value for p in (*whole, *limits)], text, named=bool(limit))
    xs = [f.x(i, len(whole)) for i in range(len(whole))]
    spots = list(zip(xs, (f.y(p.value) for p in whole), strict=True))
    now = len(points)
    drawn = [fr.grid(f, text), fr.axis(f, whole, xs), _area(f, spots[:now]) if plane.base == 0 else Markup("")]
    drawn += [_curve(spots[:now], "curve s1"), _dot(spots[now - 1], "c1")]
    if forecast:
        drawn += [_curve(spots[now - 1 :], "curve s1 dashed"), _inside(spots[now - 1], text(points[-1].value))]
    drawn += _named(f, [Label(spots[-1][1], text(whole[-1].value), "now")], limits)
    rows = [*points, *(Point(FORECAST.in_(language).format(label=p.label), p.value) for p in forecast)]
    table = fr.numbers(language, [Series(fr.VALUE, rows)], limits, text)
    svg = fr.drawing(f, title, fr.summary(language, points, text), drawn)
    return fr.figure(language, title, svg, table, origin=origin, about=fr.starts(language, plane, text))


def lines(
    language: Language,
    series: Sequence[Series],
    text: Text,
    *,
    title: str,
    limits: Sequence[Point] = (),
    plane: Plane = PLANE,
    origin: Origin | None = None,
) -> Markup:
    """Draw up to five lines over the same places, each named at its end."""
    if not series or not series[0].points:
        return Markup("")
    f = fr.frame(plane, [p.value for p in (*(p for s in series for p in s.points), *limits)], text, named=True)
    first = series[0].points
    xs = [f.x(i, len(first)) for i in range(len(first))]
    drawn, ends = [fr.grid(f, text), fr.axis(f, first, xs)], list[Label]()
    for i, s in enumerate(fr.distinct(series), 1):
        spots = list(zip(xs, (f.y(p.value) for p in s.points), strict=True))
        drawn += [_curve(spots, f"curve s{i}"), _dot(spots[-1], f"c{i}")]
        ends.append(Label(spots[-1][1], f"{fr.said(s.title, language)} {text(s.points[-1].value)}", "name"))
    drawn += _named(f, ends, limits)
    told = " ".join(f"{fr.said(s.title, language)}: {fr.summary(language, s.points, text)}" for s in series)
    table = fr.numbers(language, series, limits, text)
    svg = fr.drawing(f, title, told, drawn)
    return fr.figure(language, title, svg, table, origin=origin, about=fr.starts(language, plane, text))


Spot = tuple[float, float]


def _named(f: Frame, ends: Sequence[Label], limits: Sequence[Point]) -> list[Markup]:
    """Limits across the plane, and all names behind its edge."""
    drawn = [fr.limit(f, at) for at in limits]
    return [*(shape for shape, _ in drawn), fr.beside(f, [*ends, *(name for _, name in drawn)])]


def _curve(spots: Sequence[Spot], css: str) -> Markup:
    return Markup('<path class="{}" d="M{}"/>').format(css, " L".join(f"{x} {y}" for x, y in spots))


def _area(f: Frame, spots: Sequence[Spot]) -> Markup:
    path = " L".join(f"{x} {y}" for x, y in spots)
    return Markup('<path class="area" d="M{} L{} {} L{} {}Z"/>').format(path, spots[-1][0], f.floor, f.left, f.floor)


def _dot(spot: Spot, css: str) -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="3"/>').format(css, *spot)


def _inside(spot: Spot, text: str) -> Markup:
    """Name the last value that was measured, above its dot."""
    return fr.label(spot[0], spot[1] - 8, text, "mid now")
