"""The page of a statement: every amount opens, from the line over its resources down to the readings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.identity.project import Project
from cloudhall.domains.market import closing, rules
from cloudhall.domains.market.rating import Line
from cloudhall.domains.market.statement import Statement
from cloudhall.kernel import events, usage
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.evidence import Evidence, behind
from cloudhall.kernel.intervals import Span
from cloudhall.kernel.look import Reader
from cloudhall.kernel.metering import METERS, Reading
from cloudhall.kernel.pages import Page
from cloudhall.kernel.store.tables import Sort, Where
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
    row = next((x for x in chosen.rows if x.resource == resource), None) if chosen else None
    return {
        "said": _said(s),
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
        "chosen_row": row,
        "evidence": _evidence(kernel, s, chosen, row.resource) if chosen and row else [],
        "evidence_max": READINGS_SHOWN,
        "before": _before(kernel, s),
        "gaps": usage.gaps(tx, s.place, period.from_us, period.to_us),
        "conflicts": _conflicts(tx, s.place, period),
        "period": period,
    }


def _said(s: Statement) -> T:
    """Whether it may still change, for the status line."""
    if s.status.closed_us:
        return T("已结账，不再变动。", "Closed; it never changes.")
    return T("未结账，随读数更新。", "Open; it follows the readings.")


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


def _evidence(kernel: "Kernel", s: Statement, line: Line, resource: str) -> list[Evidence]:
    """Newest readings first, with the gaps between them."""
    window, now_us = Span(line.from_us, line.to_us), s.status.as_of_us
    return behind(kernel.store.read(), s.place, line.meter, resource, window, now_us, limit=READINGS_SHOWN)


def _before(kernel: "Kernel", s: Statement) -> Statement | None:
    """Statement of the month before, to compare with."""
    earlier = Where("place = ? AND spec_period < ?", (s.place, s.spec.period))
    found = kernel.tables[Statement].page(kernel.store.read(), earlier, Sort("spec_period"), None, 1)
    return found[0] if found else None


def figures(kernel: "Kernel", _caller: Caller, s: Statement, _query: Mapping[str, str]) -> list[list[str]]:
    """A row a resource and line, exact: quantities in millionths, unit prices in nano-yuan, amounts in fen."""
    tx, heads = kernel.store.read(), "period,meter,plan,resource,name,quantity_micro,lot,unit_nano,amount_fen"
    rows = [
        [
            s.spec.period,
            line.meter,
            line.plan,
            row.resource,
            _name(tx, row.resource),
            str(row.quantity_micro),
            str(line.lot),
            " ".join(str(p.unit_nano) for p in line.pieces),
            str(row.amount_fen),
        ]
        for line in s.status.lines
        for row in line.rows
    ]
    changes = [
        [a.period, a.meter, a.after.plan, "", "adjustment", "", "", "", str(a.amount_fen)] for a in s.status.adjustments
    ]
    return [heads.split(","), *rows, *changes]


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
    Page(kind="market.statement", view="detail", template="statement.html", context=statement, figures=figures),
    Page(kind="market.statement", view="home", template="home.html", context=home),
)
