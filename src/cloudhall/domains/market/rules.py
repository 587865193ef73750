"""Rating: from metered quantities to money. Pure functions of integers; no clock, no table, no float.

Units: a quantity is what the kernel's totals give (a sum in micro-units, a level in micro-units x microseconds), a unit
price is in nano-yuan for one priced unit, money is in fen. The product of quantity and unit price is exact.

Invariants:
- rounding happens once, half away from zero, when a line becomes fen; a total is the sum of its lines
- F(0) = 0; F never falls under graduated tiers and has no step at their edges
- under several price versions each pays for its own part of the period: F_v(used until its end) - F_v(used until its
  start), so tiers and included amounts run on through the period and a new price touches nothing before its date

Never here: an average of prices, a rounded number that another sum is made of.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec

from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.metering import MeterDef
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

NANO_PER_FEN = 10_000_000
HOUR_US = 3_600 * SECOND_US
LARGER_COSTS_LESS = "LARGER_COSTS_LESS"

# Asia/Shanghai keeps UTC+8 without summer time since 1991 (IANA tz database), so no zone file is asked.
SHANGHAI = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1992, 9998
MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")

Per = Literal["month", "hour"]
Model = Literal["graduated", "volume"]


class Period(NamedTuple):
    """A civil month in Asia/Shanghai, half-open, microseconds UTC."""

    from_us: int
    to_us: int


class Tier(msgspec.Struct, frozen=True):
    """Up to and including `upto_micro` of the meter's unit (x `per`), one unit price; None is open-ended."""

    unit_nano: int
    upto_micro: int | None = None


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one meter.

    `unit_micro`: size of the priced unit in the meter's micro-units (1 GiB of a meter in MB: 1,073,741,824).
    `per`: the time that makes the priced unit of a level whole; a month is the civil month's true length, so a level
    held all through costs the same in February and March. None for a sum.
    `included_micro`: what costs nothing in each period, taken off before the tiers, in the unit of `Tier.upto_micro`.
    `model`: graduated prices each part by its own tier; volume prices all by the tier that the whole reaches.
    """

    meter: str
    unit_micro: int
    tiers: tuple[Tier, ...]
    per: Per | None = None
    model: Model = "graduated"
    included_micro: int = 0


class Part(NamedTuple):
    """`quantity` x `unit_nano` of one tier (None: the included amount). Negative where a volume tier was left."""

    tier: int | None
    quantity: int
    unit_nano: int


class Rated(NamedTuple):
    """One line. `divisor` quantities make one priced unit, so the exact amount is `product / divisor` nano-yuan."""

    parts: tuple[Part, ...]
    divisor: int

    @property
    def product(self) -> int:
        """Exact sum of quantity x unit price over the parts."""
        return sum(part.quantity * part.unit_nano for part in self.parts)

    @property
    def amount_fen(self) -> int:
        """The one rounding."""
        return half_up(self.product, self.divisor * NANO_PER_FEN)

    def shown_micro(self, part: Part) -> int:
        """A part's quantity in millionths of the priced unit, rounded to be read; nothing is computed from it."""
        return half_up(part.quantity * 1_000_000, self.divisor)

    def shown_nano(self, part: Part) -> int:
        """A part's amount in nano-yuan, rounded to be read; nothing is computed from it."""
        return half_up(part.quantity * part.unit_nano, self.divisor)


def rate(component: Component, quantity: int, period: Period, *, before: int = 0) -> Rated:
    """Price what was used after `before` in the same period: F(before + quantity) - F(before), by tier."""
    time_us = _time_us(component, period)
    now, then = (_spread(component, used, time_us) for used in (before + quantity, before))
    prices = (0, *(tier.unit_nano for tier in component.tiers))
    parts = (Part(n - 1 if n else None, now[n] - then[n], price) for n, price in enumerate(prices) if now[n] != then[n])
    return Rated(tuple(parts), component.unit_micro * time_us)


def rate_versions(segments: Iterable[tuple[Component, int]], period: Period) -> list[Rated]:
    """Price a period in which prices changed: (version, quantity used under it) in order of time, a line each."""
    lines, before = [], 0
    for component, quantity in segments:
        lines.append(rate(component, quantity, period, before=before))
        before += quantity
    return lines


def half_up(numerator: int, denominator: int) -> int:
    """Nearest integer, ties away from zero; `denominator` is positive."""
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def distribute(amount_fen: int, weights: Sequence[int]) -> list[int]:
    """Hand a line's fen down to its rows by largest remainder: the sum is exact, each row within a fen of its share.

    Weights are not negative; where all are 0 the amount must be 0. Ties go to the earlier row.
    """
    whole = sum(weights)
    if whole == 0:
        if amount_fen:
            raise ValueError("an amount needs a row that carries it")
        return [0] * len(weights)
    shares = [divmod(amount_fen * weight, whole) for weight in weights]
    rows = [floor for floor, _ in shares]
    by_remainder = sorted(range(len(rows)), key=lambda n: -shares[n][1])
    for n in by_remainder[: amount_fen - sum(rows)]:
        rows[n] += 1
    return rows


def period_of(name: str) -> Period:
    """`2026-11` as microseconds; raises `Invalid` for anything that is not a month of 1992 to 9998."""
    match = MONTH.fullmatch(name)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise _no_month(name)
    year, month = int(match[1]), int(match[2])
    return Period(_month_begin_us(year, month), _month_begin_us(year, month + 1))


def period_at(at_us: int) -> str:
    """Name the civil month in which a moment lies."""
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(SHANGHAI).strftime("%Y-%m")


def check_component(component: Component, meter: MeterDef, *, pointer: str = "") -> list[Problem]:
    """Say what is wrong with a price, all at once; `pointer` is where the component stands.

    `LARGER_COSTS_LESS` is a flag rather than a fault: usual in volume prices, but whoever sets one should mean it.
    """
    return [*_field_problems(component, meter, pointer), *_tier_problems(component, pointer)]


def _spread(component: Component, quantity: int, time_us: int) -> list[int]:
    """Divide a quantity into the included amount and the tiers."""
    included = min(quantity, component.included_micro * time_us)
    spread = [included]
    lower, left = 0, quantity - included
    for tier in component.tiers:
        upper = left if tier.upto_micro is None else min(left, tier.upto_micro * time_us)
        spread.append(upper - lower)
        lower = upper
    return spread if component.model == "graduated" else _gathered(spread)


def _gathered(spread: Sequence[int]) -> list[int]:
    """Put all that the tiers hold into the highest one reached."""
    included, *tiers = spread
    reached = max((n for n, part in enumerate(tiers) if part), default=0)
    return [included, *(sum(tiers) if n == reached else 0 for n in range(len(tiers)))]


def _time_us(component: Component, period: Period) -> int:
    if component.per is None:
        return 1
    return HOUR_US if component.per == "hour" else period.to_us - period.from_us


def _month_begin_us(year: int, month: int) -> int:
    years, index = divmod(month - 1, 12)
    return (datetime(year + years, index + 1, 1, tzinfo=SHANGHAI) - EPOCH) // timedelta(microseconds=1)


def _no_month(name: str) -> Invalid:
    text = T("“{name}”不是月份", "“{name}” is not a month").format(name=name)
    mend = T("写成 2026-11 的样子", "Write it like 2026-11")
    return Invalid(text, mend=mend, problems=(Problem("NOT_A_MONTH", "/period", text, mend),))


def _field_problems(component: Component, meter: MeterDef, pointer: str) -> Iterator[Problem]:
    if component.meter != meter.key:
        text = T("价格属于 {key}", "This price is for {key}").format(key=component.meter)
        yield Problem("WRONG_METER", f"{pointer}/meter", text)
    if (component.per is None) != (meter.aggregation == "sum"):
        text = T("累计量不按时间计价，存量须按月或按小时", "A sum has no time; a level is priced per month or hour")
        yield Problem("WRONG_TIME", f"{pointer}/per", text)
    if component.unit_micro < 1:
        yield Problem("OUT_OF_RANGE", f"{pointer}/unit_micro", T("计价单位至少为 1", "A priced unit is at least 1"))
    if component.included_micro < 0:
        yield Problem(
            "OUT_OF_RANGE", f"{pointer}/included_micro", T("免费量不能为负", "An included amount is not negative")
        )


def _tier_problems(component: Component, pointer: str) -> Iterator[Problem]:
    tiers = component.tiers
    if not tiers:
        yield Problem("NO_TIER", f"{pointer}/tiers", T("至少要有一档价格", "A price has at least one tier"))
        return
    for n, tier in enumerate(tiers):
        if tier.unit_nano < 0:
            yield Problem(
                "OUT_OF_RANGE", f"{pointer}/tiers/{n}/unit_nano", T("单价不能为负", "A price is not negative")
            )
        yield from _bound_problems(tiers, n, f"{pointer}/tiers/{n}/upto_micro")
    if component.model == "volume":
        yield from _falling_problems(tiers, pointer)


def _bound_problems(tiers: Sequence[Tier], n: int, pointer: str) -> Iterator[Problem]:
    bound, last = tiers[n].upto_micro, n == len(tiers) - 1
    below = max((tier.upto_micro or 0 for tier in tiers[:n]), default=0)
    if last and bound is not None:
        mend = T("去掉上限，或在后面再加一档", "Leave the bound out, or add a tier after it")
        yield Problem("NOT_OPEN_ENDED", pointer, T("最后一档不设上限", "The last tier has no upper bound"), mend)
    elif not last and bound is None:
        yield Problem("NO_BOUND", pointer, T("只有最后一档可不设上限", "Only the last tier may be without a bound"))
    elif bound is not None and bound <= below:
        text = T("上限须大于 {below}", "The bound must be above {below}").format(below=below)
        yield Problem("NOT_ASCENDING", pointer, text)


def _falling_problems(tiers: Sequence[Tier], pointer: str) -> Iterator[Problem]:
    for n, (lower, upper) in enumerate(pairwise(tiers), start=1):
        if upper.unit_nano < lower.unit_nano:
            text = T(
                "刚越过上一档的用量反而更便宜", "A quantity just past the tier below costs less than one at its edge"
            )
            mend = T("改用 graduated，或确认有意如此", "Use graduated, or confirm that it is meant")
            yield Problem(LARGER_COSTS_LESS, f"{pointer}/tiers/{n}/unit_nano", text, mend)
