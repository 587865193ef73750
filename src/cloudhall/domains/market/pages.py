"""The page of a statement: every amount opens, from the line over its resources down to the readings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.identity.project import Project
from cloudhall.domains.market import closing, rules
from cloudhall.domains.market.rating import Line
from cloudhall.domains.market.statement import Statement
from cloudhall.kernel import events, levels, usage
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.look import Reader
from cloudhall.kernel.metering import METERS, Reading
from cloudhall.kernel.pages import Page
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

READINGS_SHOWN = 50
PROJECTS_SHOWN = 8


class Part(NamedTuple):
    """One part of the total, for the strip."""

    title: T
    value: int
    href: str = ""


def statement(kernel: "Kernel", _caller: Caller, s: Statement, query: Mapping[str, str]) -> dict[str, Any]:
    """Lines with their resources by name; with `line` and `resource` in the query, the readings behind that amount."""
    tx, period = kernel.store.read(), rules.period_of(s.spec.period)
    lines = list(s.status.lines)
    chosen = _chosen(lines, query)
    resource = query.get("resource", "")
    return {
        "adjustments": s.status.adjustments,
        "since": closing.pending_at(s, Reader(tx, kernel.tables, "", kernel.world.now_us()))
        if s.status.closed_us
        else [],
        "lines": lines,
        "strip": _strip(s),
        "names": {row.resource: _name(tx, row.resource) for line in lines for row in line.rows},
        "chosen": chosen,
        "chosen_resource": resource,
        "meters": METERS,
        "meter_def": METERS[chosen.meter] if chosen else None,
        "readings": _readings(kernel, s, chosen, resource) if chosen and resource else [],
        "readings_shown": READINGS_SHOWN,
        "gaps": usage.gaps(tx, s.place, period.from_us, period.to_us),
        "conflicts": _conflicts(tx, s.place, period),
        "period": period,
    }


def _strip(s: Statement) -> list[Part]:
    """What the total is made of, as far as it adds to it."""
    parts = [Part(line.title, line.amount_fen) for line in s.status.lines]
    parts.append(Part(T("前期调整", "Adjustments"), sum(a.amount_fen for a in s.status.adjustments), "#adjustments"))
    return [part for part in parts if part.value > 0]


def _conflicts(tx: Any, place: str, period: rules.Period) -> list[usage.Conflict]:
    """Readings of the month that were told in two ways."""
    found = usage.conflicts(tx, place, limit=READINGS_SHOWN)
    return [c for c in found if isinstance(c.refused, Reading) and period.from_us <= c.refused.from_us < period.to_us]


def _chosen(lines: list[Line], query: Mapping[str, str]) -> Line | None:
    number = query.get("line", "")
    return lines[int(number)] if number.isdigit() and int(number) < len(lines) else None


def _readings(kernel: "Kernel", s: Statement, line: Line, resource: str) -> list[dict[str, Any]]:
    """Newest readings first: interval, what was read, and what it adds to the line."""
    tx = kernel.store.read()
    found = usage.readings(tx, s.place, line.meter, resource, line.from_us, line.to_us, limit=10_000)
    held = levels.open_stretches(tx, s.place, s.status.as_of_us)
    held = [r for r in held if r.meter == line.meter and r.resource == resource]
    rows = [(row, False) for row in found] + [(usage.Booked(r), True) for r in held]
    return [{"row": row, "open": is_open} for row, is_open in rows[: -READINGS_SHOWN - 1 : -1]]


def _name(tx: Any, id_: str) -> str:
    """Name as the last event had it: what was used this month may be gone by now."""
    return events.name_of(tx, id_) or id_


def home(kernel: "Kernel", caller: Caller, _resource: None, query: Mapping[str, str]) -> dict[str, Any]:
    """What the projects that the visitor sees owe for the running month, in the place that is chosen."""
    period = rules.period_at(kernel.world.now_us())
    where = Where("spec_period = ?", (period,))
    if query.get("in"):
        where = where & Where("place IN (SELECT descendant FROM place WHERE ancestor = ?)", (query["in"],))
    rows = [s for s in kernel.page(caller, Statement, where) if isinstance(s, Statement)]
    parts = [Part(_project(kernel, s.place), s.status.total_fen, f"/statements/{s.id}") for s in rows]
    return {"owed": sum(p.value for p in parts), "by_project": parts[:PROJECTS_SHOWN], "month": period}


def _project(kernel: "Kernel", id_: str) -> T:
    row = kernel.tables[Project].get(kernel.store.read(), id_)
    return T(row.spec.title_zh, row.spec.title_en or row.name) if row else T(id_, id_)


PAGES = (
    Page(kind="market.statement", view="detail", template="statement.html", context=statement),
    Page(kind="market.statement", view="home", template="home.html", context=home),
)
