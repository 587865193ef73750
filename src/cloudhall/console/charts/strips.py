"""State over time as a row of cells. Colour-blind eyes read it by height: the worse, the taller."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import Origin
from cloudhall.kernel.text import Language, T
from cloudhall.kernel.wire import STATES

CELL, GAP, TALL = 10, 1, 14
UNKNOWN = "unknown"
WORDS = STATES | {UNKNOWN: T("没有读数", "No reading")}
SHAPES = {  # class and height
    "ready": ("ok", 7),
    "attention": ("warn", 10),
    "working": ("run", 10),
    "failed": ("bad", 14),
    UNKNOWN: ("unk", 2),
}
FROM, UNTIL, STATE = T("从", "From"), T("到", "Until"), T("状态", "State")


class Cell(NamedTuple):
    """One step of time: its beginning in words, and the worst state in it, `unknown` where nothing was read."""

    label: str
    state: str


def state_strip(
    language: Language, cells: Sequence[Cell], *, title: str, until: str, origin: Origin | None = None
) -> Markup:
    """Draw a cell for each step; the table tells each stretch of one state once. `until` is the end in words."""
    if not cells:
        return Markup("")
    svg = Markup('<svg class="states" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        len(cells) * CELL, TALL, title, Markup("").join(_cell(i, c, language) for i, c in enumerate(cells))
    )
    ends = Markup('<p class="ends"><span>{}</span><span>{}</span></p>').format(cells[0].label, until)
    heads = [word.in_(language) for word in (FROM, UNTIL, STATE)]
    table = fr.table(heads, [(*ends_, WORDS[state].in_(language)) for *ends_, state in stretches(cells, until)])
    return fr.figure(language, title, svg + ends, table, origin=origin)


def stretches(cells: Sequence[Cell], until: str) -> list[tuple[str, str, str]]:
    """Beginning, end and state of each stretch in which the state stays."""
    found = [(cell.label, cell.state) for i, cell in enumerate(cells) if i == 0 or cells[i - 1].state != cell.state]
    ends = [*(label for label, _ in found[1:]), until]
    return [(label, end, state) for (label, state), end in zip(found, ends, strict=True)]


def _cell(i: int, c: Cell, language: Language) -> Markup:
    css, tall = SHAPES[c.state]
    hollow = 1 if css == "run" else 0  # its border lies half outside
    shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{} {}</title></rect>')
    x, y = i * CELL + hollow / 2, TALL - tall + hollow / 2
    return shape.format(css, x, y, CELL - GAP - hollow, tall - hollow, c.label, WORDS[c.state].in_(language))
