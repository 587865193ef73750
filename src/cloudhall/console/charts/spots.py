"""Things by two measures: a named dot each, further right and further up by more."""

from collections.abc import Sequence
from typing import Protocol

from markupsafe import Markup

from cloudhall.console import formats
from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import Plane
from cloudhall.kernel.text import Language, T

PLANE = Plane()
TICKS = 4
AXES = T("纵：{upwards}；横：{across}", "up: {upwards}; across: {across}")
SUMMARY = T("{n} 项：{names}", "{n} things: {names}")
THING = T("名称", "Name")


class Spot(Protocol):
    """One thing: money across in fen, hundredths upwards; the chosen one is filled."""

    @property
    def title(self) -> T:
        """Its name, beside the dot."""

    @property
    def chosen(self) -> bool:
        """Whether its dot is the one that the page is about."""

    @property
    def fen(self) -> int:
        """Place across, in fen."""

    @property
    def hundredths(self) -> int:
        """Height, in hundredths."""


def spots(language: Language, found: Sequence[Spot], *, title: str, across: str, upwards: str) -> Markup:
    """Draw a dot for each thing. Nothing of no things."""
    if not found:
        return Markup("")
    f = fr.frame(PLANE, [s.hundredths for s in found], _hundredths, named=True)
    most = fr.frame(PLANE, [s.fen for s in found], formats.fen).high
    drawn = [fr.grid(f, _hundredths)]
    for i in range(TICKS + 1):
        x = f.left + (f.edge - f.left) * i / TICKS
        drawn.append(fr.label(x, f.height - 6, formats.fen(most * i // TICKS), "mid"))
    for s in found:
        x, y = round(f.left + (f.edge - f.left) * s.fen / most, 1), f.y(s.hundredths)
        drawn.append(Markup('<circle class="{}" cx="{}" cy="{}" r="4"/>').format("c1" if s.chosen else "c6", x, y))
        drawn.append(fr.label(x + 8, y + 4, s.title.in_(language), "name"))
    names = ", ".join(s.title.in_(language) for s in found)
    svg = fr.drawing(f, title, SUMMARY.in_(language).format(n=len(found), names=names), drawn)
    rows = [[s.title.in_(language), formats.fen(s.fen), _hundredths(s.hundredths)] for s in found]
    table = fr.table([THING.in_(language), across, upwards], rows)
    about = AXES.in_(language).format(upwards=upwards, across=across)
    return fr.figure(language, title, svg, table, origin=None, about=about)


def _hundredths(value: int) -> str:
    return f"{value / 100:.2f}"
