"""Regions as tiles of one size, coloured in five steps. It shows neither area nor border, and so needs no map approval.

The layout is the caller's; `provinces.py` has one of China.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import Origin, Text
from cloudhall.kernel.text import Language, T

TILE, GAP = 46, 3
STEPS = 5
REGION = T("地区", "Region")
NONE, NO_MAP = T("无", "none"), T("方格图，不表示面积和边界", "tiles; neither areas nor borders")
TOLD = T("{n} 个地区，{m} 个有数值。", "{n} regions, {m} of them with a value.")


class Tile(NamedTuple):
    """One region: where its tile lies, its name, its short name in the tile, and its value; None is no value."""

    row: int
    column: int
    title: str
    short: str
    value: int | None
    href: str = ""


def tile_map(
    language: Language, tiles: Sequence[Tile], text: Text, *, title: str, chosen: str = "", origin: Origin | None = None
) -> Markup:
    """Draw tiles whose ground tells a fifth of the regions from the next; `chosen` is the title of the framed one."""
    values = [t.value for t in tiles if t.value is not None]
    bounds = bounds_of(values)
    drawn = [_tile(t, text, bounds, chosen=t.title == chosen) for t in tiles]
    width, height = (1 + max(t.column for t in tiles)) * (TILE + GAP), (1 + max(t.row for t in tiles)) * (TILE + GAP)
    told = TOLD.in_(language).format(n=len(tiles), m=len(values))
    svg = Markup('<svg class="tiles" viewBox="0 0 {} {}" role="group" aria-label="{}"><desc>{}</desc>{}</svg>').format(
        width, height, title, told, Markup("").join(drawn)
    )
    ordered = sorted(tiles, key=lambda t: -1 if t.value is None else t.value, reverse=True)
    rows = [[_link(t), NONE.in_(language) if t.value is None else text(t.value)] for t in ordered]
    table = fr.table([REGION.in_(language), fr.VALUE.in_(language)], rows)
    shown = svg + _legend(language, bounds, text)
    return fr.figure(language, title, shown, table, origin=origin, about=NO_MAP.in_(language))


def bounds_of(values: Sequence[int]) -> list[int]:
    """Where a step ends and the next begins: fifths of the values, to two figures, each once."""
    ordered = sorted(values)
    cuts = (ordered[len(ordered) * i // STEPS] for i in range(1, STEPS)) if ordered else ()
    return sorted({_two_figures(cut) for cut in cuts} - {0})


def step_of(value: int | None, bounds: Sequence[int]) -> int:
    """Step of a value, 1 to 5; 0 where there is none."""
    return 0 if value is None else 1 + sum(value >= bound for bound in bounds)


def _two_figures(value: int) -> int:
    power = int(10 ** max(len(str(value)) - 2, 0))
    return value // power * power


def _tile(t: Tile, text: Text, bounds: Sequence[int], *, chosen: bool) -> Markup:
    x, y = t.column * (TILE + GAP) + 1, t.row * (TILE + GAP) + 1
    words = text(t.value) if t.value is not None else "—"
    css = f"q{step_of(t.value, bounds)}" + (" chosen" if chosen else "")
    shape = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="3"/>').format(x, y, TILE, TILE)
    name = fr.label(x + TILE / 2, y + 20, t.short, "name")
    drawn = Markup('<g class="{}"><title>{} {}</title>{}{}{}</g>').format(
        css, t.title, words, shape, name, fr.label(x + TILE / 2, y + 36, words, "value")
    )
    return Markup('<a href="{}">{}</a>').format(t.href, drawn) if t.href else drawn


def _link(t: Tile) -> Markup:
    return Markup('<a href="{}">{}</a>').format(t.href, t.title) if t.href else Markup("{}").format(t.title)


def _legend(language: Language, bounds: Sequence[int], text: Text) -> Markup:
    words = [NONE.in_(language), *(f"< {text(b)}" for b in bounds), *(f"≥ {text(b)}" for b in bounds[-1:])]
    item = Markup('<li><svg class="swatch q{}" aria-hidden="true"><rect width="100%" height="100%"/></svg>{}</li>')
    shown = Markup("").join(item.format(i, word) for i, word in enumerate(words))
    return Markup('<ul class="legend">{}</ul>').format(shown)
