"""Usage of a project: totals, the readings behind each, what was not measured, and the room of its quotas.

Whoever may read the project (or organisation) may read its usage. Quantities are millionths of the meter's unit; a
level's total is those times microseconds. Both are integers, and strings where JavaScript would round them.
"""

from typing import Any

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.filters import PAGE
from cloudhall.api.params import Param, Query
from cloudhall.api.problems import refuse
from cloudhall.api.sight import find_place, names_of
from cloudhall.api.tokens import seal, unseal
from cloudhall.kernel import quotas, usage
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.intervals import Span
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.metering import DAY_US, Gap, Reading, meter_of
from cloudhall.kernel.text import T
from cloudhall.kernel.usage import After, Booked, Conflict, Coverage, Total
from cloudhall.kernel.wire import rfc3339, safe_integers

PERIOD_US = 30 * DAY_US
PERIOD_MAX_US = 400 * DAY_US
PAGE_SIZE = 100
FIRST = T("先到的计量", "The first to come counts")
DECIDED = T("已由更正决定", "A correction has decided")


async def totals(call: Call) -> Response:
    """A total per meter and resource."""
    return reply(await call.host.read(_totals, call.host.kernel, call.caller, call.query))


async def readings(call: Call) -> Response:
    """Readings behind one total, oldest first; their shares add up to it."""
    return reply(await call.host.read(_readings, call.host.kernel, call.caller, call.query))


async def gaps(call: Call) -> Response:
    """Intervals that nobody measured."""
    return reply(await call.host.read(_gaps, call.host.kernel, call.caller, call.query))


async def conflicts(call: Call) -> Response:
    """Readings that were told in two ways."""
    return reply(await call.host.read(_conflicts, call.host.kernel, call.caller, call.query))


async def quota(call: Call) -> Response:
    """Room and use of each quota."""
    return reply(await call.host.read(_quotas, call.host.kernel, call.caller, call.query))


def _totals(kernel: Kernel, caller: Caller, query: Query) -> dict[str, Any]:
    place, window = find_place(kernel, caller, query["project"]).id, _window(kernel, query)
    found = usage.totals(kernel.store.read(), place, *window)
    items = [_total(t, window) for t in found]
    return {
        "project": place,
        **_period(window),
        "items": items,
        "names": names_of(kernel, caller, {t.resource for t in found}),
    }


def _readings(kernel: Kernel, caller: Caller, query: Query) -> dict[str, Any]:
    place, meter, resource = find_place(kernel, caller, query["project"]).id, query["meter"], query["resource"].lower()
    meter_of(meter)
    window, size = _window(kernel, query), query.get("page_size", PAGE_SIZE)
    # Without `to` the period grows with the clock; what the pages have in common is what was asked.
    question = ["usage", place, meter, resource, query.get("from"), query.get("to")]
    after = After(*unseal(kernel.keys, query["page_token"], question)) if "page_token" in query else None
    tx = kernel.store.read()
    found = usage.readings(tx, place, meter, resource, *window, after=after, limit=size + 1)
    page: dict[str, Any] = {
        "project": place,
        **_period(window),
        "items": [_reading(r, window) for r in found[:size]],
        "coverage": _coverage(usage.coverage(tx, place, meter, resource, *window)),
    }
    if len(found) > size:
        last = found[size - 1]
        page["next_page_token"] = seal(kernel.keys, list(last.place), question)
    return page


def _gaps(kernel: Kernel, caller: Caller, query: Query) -> dict[str, Any]:
    place, window = find_place(kernel, caller, query["project"]).id, _window(kernel, query)
    found = usage.gaps(kernel.store.read(), place, *window)
    return {"project": place, **_period(window), "items": [_gap(g) for g in found]}


def _conflicts(kernel: Kernel, caller: Caller, query: Query) -> dict[str, Any]:
    place, limit = find_place(kernel, caller, query["project"]).id, query.get("page_size", PAGE_SIZE)
    found = usage.conflicts(kernel.store.read(), place, limit=limit)
    names = names_of(kernel, caller, {c.refused.resource for c in found})
    return {"project": place, "items": [_conflict(c) for c in found], "names": names}


def _quotas(kernel: Kernel, caller: Caller, query: Query) -> dict[str, Any]:
    place, tx = find_place(kernel, caller, query["project"]), kernel.store.read()
    declared = {q.key: q for k in kernel.registry if k.meta.scope == type(place).meta.name for q in k.meta.quotas}
    items = [
        {"key": key, "title": q.title, "unit": q.unit, "used": now.used, "room": now.room, "left": now.left}
        for key, q in declared.items()
        for now in [quotas.room(tx, place.id, q)]
    ]
    return {"project": place.id, "items": safe_integers(items)}


def _window(kernel: Kernel, query: Query) -> Span:
    """Period asked for; the last 30 days where nothing is said."""
    to_us = query.get("to", kernel.world.now_us())
    window = Span(query.get("from", to_us - PERIOD_US), to_us)
    if not 0 < window.length_us <= PERIOD_MAX_US:
        days = PERIOD_MAX_US // DAY_US
        text = T(f"from 须早于 to，最长 {days} 天", f"from lies before to, at most {days} days")
        refuse([Problem("RANGE", "?from", text)])
    return window


def _period(window: Span) -> dict[str, str]:
    return {"from": rfc3339(window.from_us), "to": rfc3339(window.to_us)}


def _total(total: Total, window: Span) -> dict[str, Any]:
    """A sum's quantity, or a level's quantity times time with its average over the period, rounded down."""
    meter = meter_of(total.meter)
    wire = {
        "meter": meter.key,
        "title": meter.title,
        "unit": meter.unit,
        "aggregation": meter.aggregation,
        "resource": total.resource,
        "readings": total.readings,
    }
    if meter.aggregation == "sum":
        quantity = {"quantity_micro": total.quantity}
    else:
        quantity = {"quantity_micro_us": total.quantity, "average_micro": total.quantity // window.length_us}
    return wire | dict(safe_integers(quantity))


def _reading(row: Booked, window: Span) -> dict[str, Any]:
    """A row of an amendment says which; `sign` is -1 where it takes a reading back."""
    reading, share = row.reading, row.sign * usage.share(row.reading, *window)
    name = "share_micro" if meter_of(reading.meter).aggregation == "sum" else "share_micro_us"
    wire = {
        "reading": f"{reading.source}/{reading.source_id}",
        "source": reading.source,
        "source_id": reading.source_id,
        "from": rfc3339(reading.from_us),
        "to": rfc3339(reading.to_us),
        "quantity_micro": reading.quantity_micro,
        name: share,
        "sign": row.sign,
    }
    wire |= {"correction": row.amendment, "reason": row.reason} if row.amendment else {}
    return dict(safe_integers(wire))


def _conflict(conflict: Conflict) -> dict[str, Any]:
    """Both bodies; the one that came first counts until a correction says otherwise."""
    wire = {
        "id": conflict.id,
        "reading": f"{conflict.refused.source}/{conflict.refused.source_id}",
        "meter": conflict.refused.meter,
        "resource": conflict.refused.resource,
        "counted": _body(conflict.counted) if conflict.counted else None,
        "refused": _body(conflict.refused),
        "why": DECIDED if conflict.settled_by else FIRST,
        "recorded_at": rfc3339(conflict.recorded_us),
        "correction": conflict.settled_by,
    }
    return dict(safe_integers(wire))


def _body(body: Reading | Gap) -> dict[str, Any]:
    told = {"meter": body.meter, "resource": body.resource, "from": rfc3339(body.from_us), "to": rfc3339(body.to_us)}
    return told | ({"quantity_micro": body.quantity_micro} if isinstance(body, Reading) else {"cause": body.cause})


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "meter": gap.meter,
        "resource": gap.resource,
        "from": rfc3339(gap.from_us),
        "to": rfc3339(gap.to_us),
        "cause": gap.cause,
        "source": gap.source,
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    """`measured_us + declared_us +` the unexplained spans fill the period."""
    return {
        "measured_us": coverage.measured_us,
        "declared_us": coverage.declared_us,
        "unexplained": [_period(span) for span in coverage.unexplained],
        "doubled": [_period(span) for span in coverage.doubled],
    }


_PROJECT = Param(
    name="project", title=T("项目或单位，名称或编号", "Project or organisation, by name or id"), required=True
)
_SPAN = (
    Param(
        name="from",
        title=T("从何时起（含）；不填为 30 天前", "From when on, inclusive; 30 days before `to`"),
        shape="time",
    ),
    Param(name="to", title=T("到何时止（不含）；不填为现在", "Until when, exclusive; now"), shape="time"),
)

ENDPOINTS = (
    Endpoint(
        path="/usage", name="usage_totals", title=T("用量合计", "Usage totals"), run=totals, params=(_PROJECT, *_SPAN)
    ),
    Endpoint(
        path="/usage/readings",
        name="usage_readings",
        title=T("合计背后的读数", "Readings behind a total"),
        run=readings,
        params=(
            _PROJECT,
            Param(name="meter", title=T("计量项", "Meter"), required=True, example="storage.reserved_gib"),
            Param(name="resource", title=T("资源的编号", "Id of the resource"), required=True),
            *_SPAN,
            *PAGE,
        ),
    ),
    Endpoint(
        path="/usage/gaps",
        name="usage_gaps",
        title=T("未计量的时段", "What was not measured"),
        run=gaps,
        params=(_PROJECT, *_SPAN),
    ),
    Endpoint(
        path="/usage/conflicts",
        name="usage_conflicts",
        title=T("矛盾的读数", "Readings told in two ways"),
        run=conflicts,
        params=(_PROJECT, PAGE[0]),
    ),
    Endpoint(
        path="/usage/quotas",
        name="usage_quotas",
        title=T("配额与已用", "Quotas and their use"),
        run=quota,
        params=(_PROJECT,),
    ),
)
