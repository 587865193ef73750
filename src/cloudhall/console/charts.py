"""Small charts as SVG, each with its numbers: bars, line, share strip, sparkline, and a bar against a limit.

Drawn with classes and attributes only (no inline style, which the content policy forbids); colours are tokens. A chart
never replaces its number: `bars`, `line` and `share_strip` answer a figure with a table behind `<details>`.
Integers in, in the unit of the caller's choice; `text` says how a value reads.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from cloudhall.console import formats
from cloudhall.kernel.text import Language, T

WIDTH, HEIGHT = 760, 170
LEFT, RIGHT, TOP, BOTTOM = 64, 84, 14, 22
GRID_LINES = 4
SPARK_WIDTH, SPARK_HEIGHT = 72, 20
COLOURS = 7
TENTHS = 10
LABELS_MAX = 5
TREE_LEVELS, TREE_STEP, TREE_REACH, TREE_LABEL = 10, 34, 44, 170
TABLE, TIME, VALUE = T("表格", "Table"), T("时间", "Time"), T("数值", "Value")


class Point(NamedTuple):
    """One value of a series; `label` names its place on the axis."""

    label: str
    value: int


class Part(NamedTuple):
    """One part of a whole, in words that may lead somewhere."""

    title: T | str
    value: int
    href: str = ""


Text = Callable[[int], str]


def line(language: Language, points: Sequence[Point], text: Text, *, title: str, limit: Point | None = None) -> Markup:
    """Draw a line over equal steps from an axis that starts at 0; the last value and the limit are named."""
    if not points:
        return Markup("")
    top = _top([*(p.value for p in points), limit.value if limit else 0], text)
    xs = [_x(i, len(points)) for i in range(len(points))]
    ys = [_y(p.value, top) for p in points]
    path = "M" + " L".join(f"{x} {y}" for x, y in zip(xs, ys, strict=True))
    base = HEIGHT - BOTTOM
    area = Markup('<path class="area" d="{} L{} {} L{} {}Z"/>').format(path, xs[-1], base, xs[0], base)
    dot = Markup('<circle class="dot" cx="{}" cy="{}" r="3"/>').format(xs[-1], ys[-1])
    last = _label(xs[-1] + 8, ys[-1] + 4, text(points[-1].value), "now")
    drawn = [_grid(top, text), _axis(points, xs), area, Markup('<path class="curve" d="{}"/>').format(path), dot, last]
    drawn += [_limit(limit, top)] if limit else []
    return _figure(language, title, drawn, _table(language, points, text))


def bars(language: Language, points: Sequence[Point], text: Text, *, title: str) -> Markup:
    """Draw columns over equal steps."""
    if not points:
        return Markup("")
    top = _top([p.value for p in points], text)
    step = (WIDTH - LEFT - RIGHT) / len(points)
    width = min(12.0, step * 2 / 3)
    xs = [round(LEFT + step * (i + 0.5), 1) for i in range(len(points))]
    drawn = [_grid(top, text), _axis(points, xs)]
    for x, p in zip(xs, points, strict=True):
        y = _y(p.value, top)
        hint = f"{p.label} {text(p.value)}"
        shape = Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
        drawn.append(shape.format(round(x - width / 2, 1), y, round(width, 1), round(HEIGHT - BOTTOM - y, 1), hint))
    return _figure(language, title, drawn, _table(language, points, text))


def share_strip(language: Language, parts: Sequence[Part], text: Text, *, title: str) -> Markup:
    """One bar cut into the parts of a whole, largest first, and the table under it. Never a pie."""
    whole = sum(p.value for p in parts)
    ordered = sorted(parts, key=lambda p: -p.value)
    cells, x = [], 0.0
    for i, p in enumerate(ordered):
        width = p.value * 1_000 / whole if whole else 0.0
        css = f"c{i % COLOURS + 1}"
        cells.append(
            Markup('<rect class="{}" x="{}" width="{}" height="10"/>').format(css, round(x, 1), round(width, 1))
        )
        x += width
    svg = Markup(
        '<svg class="strip" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    )
    rows = Markup("").join(_share_row(language, i, p, whole, text) for i, p in enumerate(ordered))
    table = Markup('<table class="plain shares"><caption class="out">{}</caption><tbody>{}</tbody></table>')
    return svg.format(title, Markup("").join(cells)) + table.format(title, rows)


def sparkline(values: Sequence[int]) -> Markup:
    """Draw a word-sized line with a dot at its end; the number stands beside it."""
    if len(values) < 2:
        return Markup("")
    low, high = min(values), max(values)
    span = max(high - low, 1)
    step = (SPARK_WIDTH - 6) / (len(values) - 1)
    spots = [(round(2 + step * i, 1), round(SPARK_HEIGHT - 4 - (v - low) * 12 / span, 1)) for i, v in enumerate(values)]
    path = "M" + " L".join(f"{x} {y}" for x, y in spots)
    x, y = spots[-1]
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" aria-hidden="true"><path class="curve" d="{}"/>'
        '<circle class="dot" cx="{}" cy="{}" r="2"/></svg>'
    ).format(SPARK_WIDTH, SPARK_HEIGHT, path, x, y)


def meter(used: int, room: int, added: int = 0) -> Markup:
    """Bar of what is used of a room, and in a lighter shade what a change would add; ochre from 90 %."""
    whole = max(room, used + added, 1)
    before, after = (round(v * 100 / whole, 1) for v in (used, used + added))
    css = "over" if used + added > room else "near" if (used + added) * 10 >= room * 9 else ""
    return Markup(
        '<svg class="meter {}" aria-hidden="true"><rect class="room" width="100%" height="100%"/>'
        '<rect class="more" width="{}%" height="100%"/><rect class="used" width="{}%" height="100%"/></svg>'
    ).format(css, after, before)


class Sibling(NamedTuple):
    """One level of a Merkle path: the hash that stands beside the way up, and on which side."""

    level: int
    hash: str
    left: bool


def tree(path: Sequence[Sibling], root: str, here: str, top: str) -> Markup:
    """Way from a leaf to the root: filled squares are computed, empty ones are given by the proof."""
    shown = path if len(path) <= TREE_LEVELS else (*path[: TREE_LEVELS // 2], *path[-TREE_LEVELS // 2 :])
    x, y, drawn, xs = 0, TREE_STEP * len(shown), [], [0]
    nodes = [_node(x, y, "end", here, left=not (shown and shown[0].left))]
    for sibling in shown:
        beside = x - TREE_REACH if sibling.left else x + TREE_REACH
        above = x - TREE_REACH // 2 if sibling.left else x + TREE_REACH // 2
        way = Markup('<path class="way" d="M{} {}L{} {}L{} {}"/>')
        drawn.append(way.format(x, y, above, y - TREE_STEP, beside, y))
        label = f"{sibling.level}  {sibling.hash[:8]}…{sibling.hash[-4:]}"
        nodes.append(_node(beside, y, "given", label, left=sibling.left))
        x, y = above, y - TREE_STEP
        nodes.append(_node(x, y, "made" if y else "end", "" if y else f"{top}  {root[:8]}…{root[-4:]}", left=False))
        xs += [x, beside]
    low, width = min(xs) - TREE_LABEL, max(xs) - min(xs) + 2 * TREE_LABEL
    size = Markup('<svg class="tree" viewBox="{} -12 {} {}" width="{}" role="img" aria-label="{}">{}{}</svg>')
    inside = (Markup("").join(drawn), Markup("").join(nodes))
    return size.format(low, width, TREE_STEP * len(shown) + 28, width, here, *inside)


def _node(x: int, y: int, css: str, text: str, *, left: bool) -> Markup:
    shape = Markup('<rect class="node {}" x="{}" y="{}" width="14" height="14"/>').format(css, x - 7, y - 7)
    return shape + _label(x - 14 if left else x + 14, y + 4, text, "left" if left else "name") if text else shape


def _x(i: int, count: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * (i / (count - 1) if count > 1 else 1), 1)


def _y(value: int, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _top(values: Sequence[int], text: Text) -> int:
    """Top of an axis that holds all values; for sizes a round number of tenths of their binary unit."""
    most = max(*values, 0)
    unit = TENTHS
    while text is formats.size and most >= unit * formats.STEP // TENTHS:
        unit *= formats.STEP
    return _nice(-(-most * TENTHS // unit)) * unit // TENTHS


def _nice(most: int) -> int:
    """Return the least of 1, 2, 4, 5, 8 or 10 times a power of ten that is not below `most` and has quarters."""
    most = max(most, GRID_LINES)
    power = 10 ** (len(str(most)) - 1)
    fit = (n * power for n in (1, 2, 4, 5, 8, 10) if n * power >= most and n * power % GRID_LINES == 0)
    return next(fit, -(-most // GRID_LINES) * GRID_LINES)


def _grid(top: int, text: Text) -> Markup:
    drawn = []
    for value in range(0, top + 1, max(top // GRID_LINES, 1)):
        y = _y(value, top)
        drawn.append(Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, y, WIDTH - RIGHT))
        drawn.append(_label(LEFT - 8, y + 4, text(value), "left"))
    return Markup("").join(drawn)


def _axis(points: Sequence[Point], xs: Sequence[float]) -> Markup:
    every = max(-(-len(points) // LABELS_MAX), 1)
    shown = [i for i in range(len(points)) if i % every == 0]
    return Markup("").join(_label(xs[i], HEIGHT - 6, points[i].label, "mid") for i in shown)


def _limit(limit: Point, top: int) -> Markup:
    y = _y(limit.value, top)
    drawn = Markup('<path class="limit" d="M{} {}H{}"/>').format(LEFT, y, WIDTH - RIGHT)
    return drawn + _label(WIDTH - RIGHT + 8, y + 4, limit.label, "warned")


def _label(x: float, y: float, text: str, css: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(css, round(x, 1), round(y, 1), text)


def _figure(language: Language, title: str, drawn: Sequence[Markup], table: Markup) -> Markup:
    svg = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    more = Markup("<details><summary>{}</summary>{}</details>").format(TABLE.in_(language), table)
    return Markup('<figure class="chart">{}{}</figure>').format(
        svg.format(WIDTH, HEIGHT, title, Markup("").join(drawn)), more
    )


def _table(language: Language, points: Sequence[Point], text: Text) -> Markup:
    rows = Markup("").join(
        Markup('<tr><td>{}</td><td class="n">{}</td></tr>').format(p.label, text(p.value)) for p in points
    )
    head = Markup('<tr><th scope="col">{}</th><th scope="col" class="n">{}</th></tr>')
    heads = head.format(TIME.in_(language), VALUE.in_(language))
    return Markup('<table class="plain"><thead>{}</thead><tbody>{}</tbody></table>').format(heads, rows)


def _share_row(language: Language, i: int, p: Part, whole: int, text: Text) -> Markup:
    swatch = Markup('<svg class="swatch" aria-hidden="true"><rect class="c{}" width="100%" height="100%"/></svg>')
    words = p.title.in_(language) if isinstance(p.title, T) else p.title
    title = Markup('<a href="{}">{}</a>').format(p.href, words) if p.href else escape(words)
    row = Markup('<tr><td>{}{}</td><td class="n">{}</td><td class="n mute">{}</td></tr>')
    return row.format(swatch.format(i % COLOURS + 1), title, text(p.value), formats.share(p.value, whole))
