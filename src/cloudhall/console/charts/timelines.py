"""Stretches of time under each other on one axis, with the present marked; a stretch without length is a date."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from cloudhall.console import formats
from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import Frame, Origin
from cloudhall.kernel.text import Language, T

LEFT, WIDTH, RIGHT = 190, 522, 48
ROW, BAR, TICKS = 26, 10, 5
NAME, FROM, UNTIL, STATE = T("事项", "What"), T("从", "From"), T("到", "Until"), T("状态", "State")
NOW, OPEN = T("现在", "now"), T("持续中", "still holds")


class Span(NamedTuple):
    """Something from a time until another, in microseconds; `to_us` is None while it lasts.

    `tone` is one of ok run warn bad off, `state` the word for it.
    """

    title: T | str
    from_us: int
    to_us: int | None
    tone: str
    state: T | str


def spans(
    language: Language, found: Sequence[Span], *, title: str, now_us: int, origin: Origin | None = None
) -> Markup:
    """Draw a timeline. Nothing of no stretches."""
    if not found:
        return Markup("")
    first = min(s.from_us for s in found)
    scale = Scale(first, max(now_us, first + 1, *(s.to_us or now_us for s in found)))
    f = Frame(0, 1, LEFT + WIDTH + RIGHT, len(found) * ROW + fr.BOTTOM + fr.TOP, LEFT, RIGHT)
    drawn = [_tick(f, scale, i) for i in range(TICKS)]
    drawn += [_lane(language, s, scale, fr.TOP + i * ROW + ROW // 2, now_us) for i, s in enumerate(found)]
    x = scale.x(now_us)
    drawn.append(Markup('<path class="present" d="M{} {}V{}"/>').format(x, fr.TOP, f.floor))
    drawn.append(fr.label(x, fr.TOP - 3, NOW.in_(language), "mid now"))
    rows = [_row(language, s) for s in found]
    table = fr.table([word.in_(language) for word in (NAME, FROM, UNTIL, STATE)], rows)
    svg = fr.drawing(f, title, fr.AND.in_(language).join(" ".join(row) for row in rows), drawn)
    return fr.figure(language, title, svg, table, origin=origin)


class Scale(NamedTuple):
    """Times of an axis, from its first to its last, in microseconds."""

    first: int
    last: int

    def x(self, at_us: int) -> float:
        """Place of a time."""
        return round(LEFT + WIDTH * (at_us - self.first) / (self.last - self.first), 1)


def _tick(f: Frame, scale: Scale, i: int) -> Markup:
    at_us = scale.first + (scale.last - scale.first) * i // (TICKS - 1)
    x = scale.x(at_us)
    line = Markup('<path class="grid" d="M{} {}V{}"/>').format(x, fr.TOP, f.floor)
    return line + fr.label(x, f.height - 6, f"{formats.local(at_us):%Y-%m-%d}", "mid")


def _lane(language: Language, s: Span, scale: Scale, y: int, now_us: int) -> Markup:
    name = fr.label(LEFT - 12, y + 4, fr.said(s.title, language), "left name")
    x, end = scale.x(s.from_us), scale.x(now_us if s.to_us is None else s.to_us)
    if s.from_us == s.to_us:
        return name + Markup('<path class="span {}" d="M{} {}l6 6-6 6-6-6z"/>').format(s.tone, x, y - 6)
    shape = Markup('<rect class="span {}" x="{}" y="{}" width="{}" height="{}"/>')
    return name + shape.format(s.tone, x, y - BAR // 2, round(max(end - x, 1), 1), BAR)


def _row(language: Language, s: Span) -> list[str]:
    until = OPEN.in_(language) if s.to_us is None else formats.clock(s.to_us, language)
    return [fr.said(s.title, language), formats.clock(s.from_us, language), until, fr.said(s.state, language)]
