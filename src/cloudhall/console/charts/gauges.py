"""Bars against named limits on one axis: how much is left, or by how much it is over. Never a dial."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from cloudhall.console.assets import icon
from cloudhall.console.charts import frame as fr
from cloudhall.console.charts.frame import Origin, Text
from cloudhall.kernel.text import Language, T

NAME, LIMIT, VERDICT = T("名称", "Name"), T("限值", "Limit"), T("判定", "Verdict")
LEFT, OVER = T("余 {n}", "{n} left"), T("超出 {n}", "over by {n}")
WHOLE = Markup(
    '<figure class="chart"><figcaption><b>{}</b> <span>{}</span></figcaption>'
    '<div class="scroll" tabindex="0"><table class="gauges"><thead>{}</thead><tbody>{}</tbody></table></div></figure>'
)
HEAD = Markup(
    '<tr><th scope="col">{}</th><td class="bar">{}</td><th scope="col" class="n">{}</th>'
    '<th scope="col">{}</th><th scope="col">{}</th></tr>'
)
ROW = Markup(
    '<tr><th scope="row">{}</th><td class="bar">{}</td><td class="n"><b>{}</b></td><td>≤ {} <small>{}</small></td>'
    '<td><span class="sign {}">{}{}</span></td></tr>'
)
BAR = Markup(
    '<svg class="gauge {}" aria-hidden="true"><rect class="room" y="7" width="100%" height="11"/>'
    '<rect class="used" y="7" width="{}%" height="11"/><rect class="tick" x="{}%" width="2.5" height="25"/></svg>'
)
APART = 13  # hundredths of the axis that a value takes
ROOM_TENTHS = 11  # the axis ends a tenth behind the furthest mark, so that it is seen


class Gauge(NamedTuple):
    """A value that must not pass a limit; `rule` names whose limit it is."""

    title: T | str
    value: int
    limit: int
    rule: T | str
    href: str = ""


def gauge(
    language: Language, rows: Sequence[Gauge], text: Text, *, title: str, base: int = 0, origin: Origin | None = None
) -> Markup:
    """Draw bars from `base`, the least that is physically possible, and each limit as a tick: a table by itself."""
    if not rows:
        return Markup("")
    ends = (base, base + max((max(r.value, r.limit) - base) * ROOM_TENTHS // fr.TENTHS for r in rows) + 1)
    name, value, limit, verdict = (word.in_(language) for word in (NAME, fr.VALUE, LIMIT, VERDICT))
    head = HEAD.format(name, _axis(rows, ends, text), value, limit, verdict)
    body = Markup("").join(_row(language, r, ends, text) for r in rows)
    starts = fr.STARTS.in_(language).format(base=text(base))
    words = fr.AND.in_(language).join(filter(None, (fr.source(language, origin), starts)))
    return WHOLE.format(title, words, head, body)


def _axis(rows: Sequence[Gauge], ends: tuple[int, int], text: Text) -> Markup:
    """Values of the limits, at their places as far as they do not lie on each other."""
    limits = sorted({r.limit for r in rows})
    places = fr.spread([_percent(at, *ends) for at in limits], APART, 0, 100)
    mark = Markup('<text x="{}%" y="12">{}</text>')
    marks = Markup("").join(mark.format(round(x, 2), text(at)) for x, at in zip(places, limits, strict=True))
    return Markup('<svg class="limits" height="16" aria-hidden="true">{}</svg>').format(marks)


def _row(language: Language, r: Gauge, ends: tuple[int, int], text: Text) -> Markup:
    over = r.value > r.limit
    css = "bad" if over else "ok"
    words, rule = fr.said(r.title, language), fr.said(r.rule, language)
    name = Markup('<a href="{}">{}</a>').format(r.href, words) if r.href else escape(words)
    verdict = (OVER if over else LEFT).in_(language).format(n=text(abs(r.limit - r.value)))
    bar = BAR.format(css, _percent(r.value, *ends), _percent(r.limit, *ends))
    return ROW.format(name, bar, text(r.value), text(r.limit), rule, css, icon(css), verdict)


def _percent(value: int, base: int, high: int) -> float:
    return round((value - base) * 100 / (high - base), 2)
