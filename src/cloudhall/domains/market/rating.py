"""From readings and plans to lines: what a project owes for a month so far.

Under several versions of a price each pays for its own stretch of the month, and tiers run on through it. A line is
rounded to fen once; its rows (one a resource) share that amount by largest remainder, so they add up to the line.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from cloudhall.domains.market import rules, words
from cloudhall.domains.market.price_plan import ComponentSpec, PricePlan
from cloudhall.kernel import levels, usage
from cloudhall.kernel.kinds import field
from cloudhall.kernel.metering import METERS
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import to_us


class Piece(msgspec.Struct, frozen=True):
    """Quantity (millionths of the priced unit) × unit price (nano-yuan) of one tier; both shown, neither summed."""

    quantity_micro: int
    unit_nano: int
    amount_nano: int
    included: bool = False


class Row(msgspec.Struct, frozen=True):
    """One resource's share of a line."""

    resource: str
    quantity_micro: int
    amount_fen: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One meter under one version of its price. `lot` of `counted` are one priced `unit`; people count in `counted`."""

    meter: str
    title: Annotated[T, field("项目", "Item")]
    plan: str
    unit: T
    counted: T = T("", "")
    lot: int = 1
    from_us: int
    to_us: int
    pieces: tuple[Piece, ...]
    rows: tuple[Row, ...]
    reckoning: Annotated[T, field("数量 × 单价", "Quantity × price")] = T("", "")
    amount_fen: Annotated[int, field("金额", "Amount", unit="fen")]


class _Stretch(msgspec.Struct, frozen=True):
    plan: PricePlan
    spec: ComponentSpec
    from_us: int
    to_us: int


def lines(tx: Tx, project: str, plans: Sequence[PricePlan], period: rules.Period, now_us: int) -> list[Line]:
    """Rate a project's month up to now. Cost: one pass over its readings of the month for each version in force."""
    by_meter: dict[str, list[_Stretch]] = {}
    for stretch in _stretches(plans, period):
        by_meter.setdefault(stretch.spec.meter, []).append(stretch)
    spans = {(s.from_us, s.to_us) for stretches in by_meter.values() for s in stretches}
    totals = {span: _totals(tx, project, *span, now_us) for span in sorted(spans)}
    found = (_meter_lines(stretches, totals, period) for _, stretches in sorted(by_meter.items()))
    return [line for meter_lines in found for line in meter_lines]


def _stretches(plans: Sequence[PricePlan], period: rules.Period) -> Iterable[_Stretch]:
    """Cut the period where a series changes its price."""
    for series in sorted({p.spec.series for p in plans}):
        versions = sorted((p for p in plans if p.spec.series == series), key=lambda p: p.spec.effective_from)
        for i, plan in enumerate(versions):
            ends = to_us(versions[i + 1].spec.effective_from) if i + 1 < len(versions) else period.to_us
            from_us, until = max(period.from_us, to_us(plan.spec.effective_from)), min(period.to_us, ends)
            if from_us < until:
                yield from (_Stretch(plan, c, from_us, until) for c in plan.spec.components)


def _totals(tx: Tx, project: str, from_us: int, to_us_: int, now_us: int) -> dict[str, dict[str, int]]:
    """Quantities by meter and resource: what has been cut into readings, and what still holds."""
    quantities: dict[str, dict[str, int]] = {}
    for total in usage.totals(tx, project, from_us, to_us_):
        quantities.setdefault(total.meter, {})[total.resource] = total.quantity
    for reading in levels.open_stretches(tx, project, now_us):
        held = quantities.setdefault(reading.meter, {})
        held[reading.resource] = held.get(reading.resource, 0) + usage.share(reading, from_us, to_us_)
    return quantities


def _meter_lines(
    stretches: Sequence[_Stretch], totals: dict[tuple[int, int], dict[str, dict[str, int]]], period: rules.Period
) -> Iterable[Line]:
    used = [totals[s.from_us, s.to_us].get(s.spec.meter, {}) for s in stretches]
    segments = [(s.spec.component(), sum(by_resource.values())) for s, by_resource in zip(stretches, used, strict=True)]
    rated = rules.rate_versions(segments, period)
    for stretch, by_resource, result in zip(stretches, used, rated, strict=True):
        if any(by_resource.values()):
            yield _line(stretch, by_resource, result)


def _line(s: _Stretch, by_resource: dict[str, int], rated: rules.Rated) -> Line:
    resources = sorted(by_resource)
    amounts = rules.distribute(rated.amount_fen, [by_resource[r] for r in resources])
    pieces = tuple(
        Piece(rated.shown_micro(p), p.unit_nano, rated.shown_nano(p), included=p.tier is None) for p in rated.parts
    )
    factors = (words.Factor(p.quantity_micro, p.unit_nano, p.included) for p in pieces)
    shown = (rules.half_up(by_resource[r] * 1_000_000, rated.divisor) for r in resources)
    return Line(
        meter=s.spec.meter,
        title=METERS[s.spec.meter].title,
        plan=s.plan.name,
        unit=T(s.spec.unit_zh, s.spec.unit_en),
        counted=words.counted_unit(s.spec),
        lot=words.lot_of(s.spec),
        from_us=s.from_us,
        to_us=s.to_us,
        pieces=pieces,
        rows=tuple(Row(r, q, a) for r, q, a in zip(resources, shown, amounts, strict=True)),
        reckoning=words.reckoning(factors, s.spec),
        amount_fen=rated.amount_fen,
    )
