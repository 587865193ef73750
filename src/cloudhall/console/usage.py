"""Usage over time: one meter of the place in use, step by step and resource by resource, each with its number.

Whoever may read a project may read its usage, as on the interface. Everything is added up from the readings when the
page is asked for; nothing is stored for it. Meter, period, place and resource stand in the address.
Cost: the readings of the period once, those of the chosen meter twice, for `PROJECTS_MAX` projects at most.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response

from cloudhall.console import formats
from cloudhall.console.charts import Point
from cloudhall.console.equivalents import Call
from cloudhall.console.names import Named
from cloudhall.console.periods import Period, Step, period_of, periods, steps
from cloudhall.console.places import projects_of
from cloudhall.kernel import events, trends, usage
from cloudhall.kernel.evidence import behind
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.metering import BYTE, METERS, MeterDef
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PROJECTS_MAX = 20
ROWS_SHOWN = 50
MICRO = 1_000_000
Projects = Sequence[Kind[Any, Any]]


class Choice(NamedTuple):
    """A meter or period that may be chosen; a meter with its total."""

    key: str
    title: T
    href: str
    total: T = T("", "")


class Used(NamedTuple):
    """One resource: what it used in the period, and how that went, a value a step."""

    resource: Named
    project: Named
    amount: int
    trend: tuple[int, ...]
    href: str
    chosen: bool


def index(visit: "Visit") -> Response:
    """Usage of the place in use; `meter`, `period` and `resource` choose."""
    projects, period = projects_of(visit, PROJECTS_MAX), period_of(visit.query.get("period", ""), visit.now_us)
    totals: dict[str, int] = {}
    for p in projects:
        for key, amount in trends.amounts(visit.tx, p.id, period.window, visit.now_us).items():
            totals[key] = totals.get(key, 0) + amount
    meter = _chosen(visit.query.get("meter", ""), totals)
    return visit.page(
        "usage.html",
        call=_call(projects, period),
        period=period,
        periods=[Choice(p.key, p.title, _href(visit, period=p.key)) for p in periods(visit.now_us)],
        meter=meter,
        meters=_meters(visit, totals),
        projects=projects,
        more=len(projects) == PROJECTS_MAX,
        **(_figures(visit, projects, meter, period) if meter else {}),
    )


def text_of(meter: MeterDef) -> Callable[[int], str]:
    """How micro-units of a meter read: bytes as a size, what is counted one by one as a whole number."""
    if meter.scale == BYTE:
        return formats.size
    if meter.aggregation == "sum":
        return lambda micro: formats.number(micro // MICRO)
    return lambda micro: formats.quantity(micro, 2)


def _figures(visit: "Visit", projects: Projects, meter: MeterDef, period: Period) -> dict[str, Any]:
    """Chart, rows, gaps and readings of one meter."""
    cuts = steps(period)
    rows = sorted((r for p in projects for r in _used(visit, p, meter, cuts)), key=lambda r: -r.amount)
    chosen = next((r for r in rows if r.chosen), None)
    drawn = [chosen] if chosen else rows
    return {
        "text": text_of(meter),
        "unit": T("", "") if meter.scale == BYTE else meter.unit,
        "points": [Point(cut.label, sum(r.trend[i] for r in drawn)) for i, cut in enumerate(cuts)],
        "total": sum(r.amount for r in drawn),
        "chosen": chosen,
        "rows": rows[:ROWS_SHOWN],
        "rows_left": max(0, len(rows) - ROWS_SHOWN),
        "gaps": [g for p in projects for g in usage.gaps(visit.tx, p.id, *period.window) if g.meter == meter.key],
        "evidence": _evidence(visit, projects, meter, period),
        "evidence_max": ROWS_SHOWN,
        "named": lambda id_: _name(visit, id_).text,
    }


def _used(visit: "Visit", project: Kind[Any, Any], meter: MeterDef, cuts: Sequence[Step]) -> list[Used]:
    spans, asked = [cut.span for cut in cuts], visit.query.get("resource", "")
    return [
        Used(
            _name(visit, id_),
            visit.names.resource(project),
            trends.whole(meter, amounts, spans),
            amounts,
            _href(visit, resource="" if id_ == asked else id_),
            id_ == asked,
        )
        for id_, amounts in trends.trend(visit.tx, project.id, meter, spans, visit.now_us).items()
        if any(amounts)
    ]


def _evidence(visit: "Visit", projects: Projects, meter: MeterDef, period: Period) -> list[Any]:
    """Newest readings of the resource that was chosen, in whichever of the projects it lies."""
    asked = visit.query.get("resource", "")
    found = (behind(visit.tx, p.id, meter.key, asked, period.window, visit.now_us, limit=ROWS_SHOWN) for p in projects)
    return next((rows for rows in found if rows), []) if asked else []


def _meters(visit: "Visit", totals: Mapping[str, int]) -> list[Choice]:
    return [
        Choice(key, meter.title, _href(visit, meter=key), _with_unit(meter, totals.get(key, 0)))
        for key, meter in sorted(METERS.items())
    ]


def _with_unit(meter: MeterDef, micro: int) -> T:
    said = text_of(meter)(micro)
    return T(said, said) if meter.scale == BYTE else T(f"{said} {meter.unit.zh}", f"{said} {meter.unit.en}")


def _chosen(asked: str, totals: Mapping[str, int]) -> MeterDef | None:
    """The meter asked for; else the first that was used; else the first there is."""
    if asked in METERS:
        return METERS[asked]
    key = next((key for key in sorted(METERS) if totals.get(key)), min(METERS, default=""))
    return METERS.get(key)


def _name(visit: "Visit", id_: str) -> Named:
    """Name of a resource; one that is gone keeps the name that it had."""
    named = visit.names.of(id_)
    return named if named.href else Named(events.name_of(visit.tx, id_) or id_)


def _href(visit: "Visit", **changed: str) -> str:
    """Address of this page with something else chosen; another meter or period keeps the rest."""
    kept = {k: visit.query[k] for k in ("meter", "period", "resource") if visit.query.get(k)}
    asked = {k: v for k, v in (kept | changed).items() if v}
    return f"/usage?{urlencode(asked)}" if asked else "/usage"


def _call(projects: Projects, period: Period) -> Call | None:
    """The same totals by other hands, which ask for one project at a time."""
    if len(projects) != 1:
        return None
    name, (begin, end) = projects[0].name, (rfc3339(at_us) for at_us in period.window)
    path = "/usage?" + urlencode({"project": name, "from": begin, "to": end})
    return Call("GET", path, ("usage", "totals", "--project", name, "--from", begin, "--to", end))
