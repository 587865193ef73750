"""What a planned command will cost: its declared rates at today's prices, for a full month, before anything runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cloudhall.domains.market import rules
from cloudhall.domains.market.closing import pending_of
from cloudhall.domains.market.price_plan import ComponentSpec, PricePlan
from cloudhall.domains.market.statement import Statement
from cloudhall.kernel.commands import Plan
from cloudhall.kernel.look import Reader
from cloudhall.kernel.metering import METERS
from cloudhall.kernel.store.tables import LIVE, Sort
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import to_us

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

MICRO = 1_000_000


def price(kernel: "Kernel", plan: Plan) -> dict[str, Any]:
    """Monthly price of a plan in fen with its lines, and the unit prices of what the domain charges by use."""
    now = kernel.world.now_us()
    period = rules.period_of(rules.period_at(now))
    prices = components_at(kernel, now)
    domain = type(plan.new).meta.domain
    if isinstance(plan.new, Statement) and plan.new.status.closed_us:
        return {"month_fen": 0, "lines": [], "by_use": [], **_changes(kernel, plan.new)}
    lines = [_line(prices[key], level, period) for key, level in plan.rates if key in prices]
    rated = {key for key, _ in plan.rates}
    by_use = [_unit_price(c) for key, c in sorted(prices.items()) if key.startswith(f"{domain}.") and key not in rated]
    return {
        "month_fen": sum(line["amount_fen"] for line in lines),
        "lines": lines,
        "by_use": by_use if plan.rates else [],
    }


def _changes(kernel: "Kernel", closed: Statement) -> dict[str, Any]:
    """What rating a closed month again would put on the next statement, line by line and in all."""
    found = pending_of(closed, Reader(kernel.store.read(), kernel.tables, "", kernel.world.now_us()))
    return {"changes": msgspec.to_builtins(found), "difference_fen": sum(a.amount_fen for a in found)}


def components_at(kernel: "Kernel", at_us: int) -> dict[str, ComponentSpec]:
    """Price of each meter at a time: the latest version of each series that is in force."""
    plans: Sequence[PricePlan] = kernel.tables[PricePlan].page(kernel.store.read(), LIVE, Sort("id"), None, 1_000)
    in_force = sorted((p for p in plans if to_us(p.spec.effective_from) <= at_us), key=lambda p: p.spec.effective_from)
    latest = {p.spec.series: p for p in in_force}
    return {c.meter: c for p in latest.values() for c in p.spec.components}


def _line(spec: ComponentSpec, level: int, period: rules.Period) -> dict[str, Any]:
    rated = rules.rate(spec.component(), level * MICRO * (period.to_us - period.from_us), period)
    return _unit_price(spec) | {"quantity": level, "amount_fen": rated.amount_fen}


def _unit_price(spec: ComponentSpec) -> dict[str, Any]:
    return {
        "meter": spec.meter,
        "title": METERS[spec.meter].title.both(),
        "unit": T(spec.unit_zh, spec.unit_en).both(),
        "unit_nano": spec.tiers[0].unit_nano,
    }
