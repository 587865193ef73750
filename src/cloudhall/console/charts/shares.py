"""Parts of a whole as one bar, never a pie, with the table of all parts under it."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from cloudhall.console import formats
from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import SERIES_MAX, Origin, Text
from cloudhall.kernel.text import Language, T

STRIP = 1_000
REST = "c6"  # what is beyond the five parts that can be told apart
PART, SHARE = T("部分", "Part"), T("占比", "Share")


class Part(NamedTuple):
    """One part of a whole, in words that may lead somewhere."""

    title: T | str
    value: int
    href: str = ""


def share_strip(
    language: Language, parts: Sequence[Part], text: Text, *, title: str, origin: Origin | None = None
) -> Markup:
    """Draw a bar cut into its parts, the largest first; from the sixth on they share one colour."""
    whole = sum(p.value for p in parts)
    ordered = sorted(parts, key=lambda p: -p.value)
    cells, x = [], 0.0
    for i, p in enumerate(ordered):
        width = p.value * STRIP / whole if whole else 0.0
        cell = Markup('<rect class="{}" x="{}" width="{}" height="10"/>')
        cells.append(cell.format(_colour(i), round(x, 1), round(max(width - 1, width / 2), 1)))
        x += width
    strip = Markup('<svg class="strip" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img" aria-label="{}">')
    rows = Markup("").join(_row(language, i, p, whole, text) for i, p in enumerate(ordered))
    heads = Markup('<th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th>')
    head = heads.format(PART.in_(language), fr.VALUE.in_(language), SHARE.in_(language))
    table = Markup('<table class="plain shares"><thead class="out"><tr>{}</tr></thead><tbody>{}</tbody></table>')
    drawn = strip.format(STRIP, title) + Markup("").join(cells) + Markup("</svg>")
    words = fr.source(language, origin)
    said = Markup("<figcaption>{}</figcaption>").format(words) if words else Markup("")
    return Markup('<figure class="share">{}{}{}</figure>').format(drawn, table.format(head, rows), said)


def _colour(i: int) -> str:
    return f"c{i + 1}" if i < SERIES_MAX else REST


def _row(language: Language, i: int, p: Part, whole: int, text: Text) -> Markup:
    swatch = Markup('<svg class="swatch" aria-hidden="true"><rect class="{}" width="100%" height="100%"/></svg>')
    words = fr.said(p.title, language)
    title = Markup('<a href="{}">{}</a>').format(p.href, words) if p.href else escape(words)
    row = Markup('<tr><td>{}{}</td><td class="n">{}</td><td class="n mute">{}</td></tr>')
    return row.format(swatch.format(_colour(i)), title, text(p.value), formats.share(p.value, whole))
