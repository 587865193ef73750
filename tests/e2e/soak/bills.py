"""Statements rated again from nothing: raw readings, levels and events, in fractions, without the code that rates."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec

from cloudhall.domains.market import rating, rules
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE, Sort

HELD, RESERVED = "storage.stored_bytes", "storage.reserved_gib"
LEVELS = (HELD, RESERVED)
MICRO = 1_000_000
ENDS = ("delete", "purge", "remove")
Used = dict[str, dict[str, int]]  # by meter and resource


def wrong(kernel: Kernel) -> Iterator[str]:
    """Projects whose lines differ from those that come out here, at this moment, in quantity or in fen."""
    kernel.levels.collect()
    tx, now_us = kernel.store.read(), kernel.world.now_us()
    plans: Any = kernel.tables[PricePlan].page(tx, LIVE, Sort(), None, 1_000)
    newest = max(plans, key=lambda plan: plan.spec.effective_from)
    month = rules.period_of(rules.period_at(now_us))
    for (project,) in tx.execute("SELECT DISTINCT project FROM meter_level UNION SELECT project FROM usage").fetchall():
        lines = rating.lines(tx, project, plans, month, now_us)
        theirs = {
            x.meter: (x.amount_fen, {r.resource: r.quantity_micro for r in x.rows if r.quantity_micro}) for x in lines
        }
        ours = _rated(newest, _used(kernel, tx, project, month, now_us), month.to_us - month.from_us)
        if theirs != ours:
            yield f"statement of {project}: {theirs}, from scratch {ours}"


def _rated(plan: PricePlan, used: Used, month_us: int) -> dict[str, tuple[int, dict[str, int]]]:
    """Fen and millionths of the priced unit by resource, a line for each meter that was used."""
    lines = {}
    for component in plan.spec.components:
        divisor = component.unit_micro * (month_us if component.per == "month" else 1)
        units = {r: Fraction(q, divisor) for r, q in used.get(component.meter, {}).items()}
        if any(units.values()):
            left = max(sum(units.values()) - Fraction(component.included_micro, component.unit_micro), Fraction(0))
            bounds = [Fraction(t.upto_micro, component.unit_micro) for t in component.tiers if t.upto_micro]
            edges = [Fraction(0), *(min(left, bound) for bound in bounds), left]
            nano = sum((b - a) * t.unit_nano for (a, b), t in zip(pairwise(edges), component.tiers, strict=True))
            shown = {resource: _half_up(quantity * MICRO) for resource, quantity in units.items()}
            lines[component.meter] = (_half_up(Fraction(nano, 10**7)), {r: q for r, q in shown.items() if q})
    return lines


def _half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def _used(kernel: Kernel, tx: Tx, project: str, month: rules.Period, now_us: int) -> Used:
    """Sums as they were read; the held level from its readings and its last stretch; the reserved one from events."""
    used: Used = {RESERVED: _reserved(kernel, tx, project, month, now_us)}
    rows = tx.execute("SELECT meter, resource, from_us, to_us, quantity_micro FROM usage WHERE project = ?", (project,))
    for meter, resource, from_us, to_us, quantity in rows:
        if meter != RESERVED:
            inside_us = max(0, min(to_us, month.to_us) - max(from_us, month.from_us))
            share = quantity * inside_us if meter == HELD else quantity * (month.from_us <= from_us < month.to_us)
            _add(used, meter, resource, share)
    known = dict(tx.execute("SELECT source, known_us FROM meter_level_known"))
    sql = "SELECT resource, source, level_micro, since_us FROM meter_level WHERE project = ? AND meter = ?"
    for resource, source, level, since_us in tx.execute(sql, (project, HELD)):
        _add(used, HELD, resource, level * max(0, min(now_us, known[source]) - since_us))
    return used


def _reserved(kernel: Kernel, tx: Tx, project: str, month: rules.Period, now_us: int) -> dict[str, int]:
    """GiB x time of each bucket, from what was wished and when, until it was deleted; from the bin nothing is kept."""
    wished: dict[str, list[tuple[int, int]]] = {}
    for event in kernel.history.after(tx, 0, 1_000_000, "storage.bucket"):
        if event.place == project and event.verb in ENDS:
            wished[event.id].append((event.at_us, 0))
        elif event.place == project and event.spec is not None:
            wished.setdefault(event.id, []).append((event.at_us, msgspec.json.decode(event.spec)["quota_gib"] * MICRO))
    until_us = min(now_us, month.to_us)
    return {
        id_: sum(
            level * max(0, min(end, until_us) - max(begin, month.from_us))
            for (begin, level), (end, _) in pairwise([*steps, (until_us, 0)])
        )
        for id_, steps in wished.items()
    }


def _add(used: Used, meter: str, resource: str, amount: int) -> None:
    by_resource = used.setdefault(meter, {})
    by_resource[resource] = by_resource.get(resource, 0) + amount
