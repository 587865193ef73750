"""Rating against an oracle of fractions that integrates the price along the quantity."""

import calendar
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.domains.market import rules
from cloudhall.domains.market.rules import LARGER_COSTS_LESS, Component, Part, Period, Tier
from cloudhall.kernel import amendments, metering, usage
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.metering import DAY_US, MeterDef, Reading, define
from cloudhall.kernel.text import T

SOME = T("测试", "test")


def meter(key: str, aggregation: metering.Aggregation) -> MeterDef:
    return MeterDef(
        key=key, title=SOME, unit=SOME, aggregation=aggregation, scale=SOME, precision=SOME, method=SOME, test=__name__
    )


STORED = define(meter("test.stored", "level"))
REQUESTS = define(meter("test.requests", "sum"))
GIB = 2**30
MODELS: tuple[rules.Model, ...] = ("graduated", "volume")
DECIMAL = Context(prec=60)
NOVEMBER = rules.period_of("2026-11")
CHANGE_US = NOVEMBER.from_us + 11 * DAY_US + 7


def stored(*tiers: tuple[int, int | None], included_gib: int = 0, model: rules.Model = "graduated") -> Component:
    """Tiers as (nano-yuan a GiB-month, GiB-months)."""
    return Component(
        meter=STORED.key,
        unit_micro=GIB,
        per="month",
        model=model,
        included_micro=included_gib * GIB,
        tiers=tuple(Tier(price, bound and bound * GIB) for price, bound in tiers),
    )


@st.composite
def components(draw: st.DrawFn, *, model: rules.Model | None = None, meter: MeterDef = STORED) -> Component:
    bounds = sorted(draw(st.sets(st.integers(1, 10**13), max_size=4)))
    prices = draw(st.lists(st.integers(0, 10**12), min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    return Component(
        meter=meter.key,
        unit_micro=draw(st.sampled_from([1, 10**6, GIB, 10_000 * 10**6]) | st.integers(1, 10**12)),
        per="month" if meter is STORED else None,
        model=draw(st.sampled_from(MODELS)) if model is None else model,
        included_micro=draw(st.just(0) | st.integers(0, 10**12)),
        tiers=tuple(Tier(price, bound) for price, bound in zip(prices, [*bounds, None], strict=True)),
    )


some_components = components() | components(meter=REQUESTS)
quantities = st.integers(0, 10**26) | st.integers(0, 10**14)


def owed_nano(component: Component, quantity: int, period: Period = NOVEMBER) -> Fraction:
    """F: what a quantity from the beginning of a period costs."""
    time_us = {None: 1, "hour": 3_600_000_000, "month": period.to_us - period.from_us}[component.per]
    charged = max(Fraction(0), Fraction(quantity, time_us) - component.included_micro)
    bounds = [tier.upto_micro for tier in component.tiers[:-1] if tier.upto_micro is not None]
    if component.model == "volume":
        reached = sum(bound < charged for bound in bounds)
        return charged * component.tiers[reached].unit_nano / component.unit_micro
    owed, below = Fraction(0), Fraction(0)
    for tier, bound in zip(component.tiers, [*map(Fraction, bounds), charged], strict=True):
        edge = min(bound, charged)
        owed, below = owed + max(Fraction(0), edge - below) * tier.unit_nano, max(below, edge)
    return owed / component.unit_micro


def exact_nano(line: rules.Rated) -> Fraction:
    return Fraction(line.product, line.divisor)


@settings(deadline=None)
@given(some_components, quantities)
def test_a_line_costs_what_the_oracle_says(component: Component, quantity: int) -> None:
    line = rules.rate(component, quantity, NOVEMBER)
    assert exact_nano(line) == owed_nano(component, quantity)
    assert sum(part.quantity for part in line.parts) == quantity


@settings(deadline=None)
@given(some_components, st.lists(quantities, min_size=1, max_size=5))
def test_rating_in_pieces_costs_what_the_whole_costs(component: Component, pieces: list[int]) -> None:
    lines = rules.rate_versions([(component, piece) for piece in pieces], NOVEMBER)
    assert sum(map(exact_nano, lines)) == owed_nano(component, sum(pieces))


@settings(deadline=None)
@given(some_components, some_components, quantities, quantities)
def test_each_version_pays_for_its_own_part(old: Component, new: Component, first: int, second: int) -> None:
    before, after = rules.rate_versions([(old, first), (new, second)], NOVEMBER)
    assert exact_nano(after) == owed_nano(new, first + second) - owed_nano(new, first)
    assert before == rules.rate(old, first, NOVEMBER), "a later price touches nothing before its date"


@settings(deadline=None)
@given(some_components, quantities)
def test_rounding_is_at_most_half_a_fen_a_line(component: Component, quantity: int) -> None:
    line = rules.rate(component, quantity, NOVEMBER)
    assert abs(line.amount_fen - exact_nano(line) / rules.NANO_PER_FEN) <= Fraction(1, 2)


@settings(deadline=None)
@given(st.integers(-(10**30), 10**30), st.integers(0, 9))
def test_half_up_rounds_as_decimal_does(numerator: int, places: int) -> None:
    exact = Decimal(f"{numerator}e-{places}")
    assert rules.half_up(numerator, 10**places) == exact.quantize(Decimal(1), ROUND_HALF_UP, DECIMAL)


@settings(deadline=None)
@given(components(model="graduated"), quantities, quantities)
def test_graduated_never_falls_and_begins_at_nothing(component: Component, one: int, other: int) -> None:
    less, more = (rules.rate(component, used, NOVEMBER).product for used in sorted((one, other)))
    assert 0 <= less <= more
    assert rules.rate(component, 0, NOVEMBER) == rules.Rated((), rules.rate(component, one, NOVEMBER).divisor)


@settings(deadline=None)
@given(components(model="graduated"))
def test_graduated_has_no_step_at_an_edge(component: Component) -> None:
    month_us = NOVEMBER.to_us - NOVEMBER.from_us
    edges = [component.included_micro + (tier.upto_micro or 0) for tier in component.tiers]
    dearest = max(tier.unit_nano for tier in component.tiers)
    for edge in edges:
        at_edge = rules.rate(component, edge * month_us, NOVEMBER).product
        just_past = rules.rate(component, edge * month_us + 1, NOVEMBER).product
        assert 0 <= just_past - at_edge <= dearest


@settings(deadline=None)
@given(components())
def test_volume_is_flagged_exactly_when_more_costs_less(component: Component) -> None:
    month_us = NOVEMBER.to_us - NOVEMBER.from_us
    falls = []
    for n, tier in enumerate(component.tiers[:-1], start=1):
        edge = (component.included_micro + (tier.upto_micro or 0)) * month_us
        if owed_nano(component, edge + 1) < owed_nano(component, edge):
            falls.append(f"/components/0/tiers/{n}/unit_nano")
    problems = rules.check_component(component, STORED, pointer="/components/0")
    assert {problem.code for problem in problems} <= {LARGER_COSTS_LESS}
    assert [problem.pointer for problem in problems] == falls


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**26), min_size=1, max_size=30).filter(any))
def test_rows_share_a_line_to_the_fen(amount_fen: int, weights: list[int]) -> None:
    rows = rules.distribute(amount_fen, weights)
    assert sum(rows) == amount_fen
    for row, weight in zip(rows, weights, strict=True):
        assert abs(row - Fraction(amount_fen * weight, sum(weights))) < 1


def test_rows_that_used_nothing_share_nothing() -> None:
    assert rules.distribute(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="needs a row"):
        rules.distribute(1, [0, 0])


def test_a_line_shows_quantity_and_price_of_each_tier() -> None:
    """120 GiB all November: 5 included, 50 at 0.12 yuan, 65 at 0.10 yuan."""
    component = stored((120_000_000, 50), (100_000_000, None), included_gib=5)
    month_us = NOVEMBER.to_us - NOVEMBER.from_us
    line = rules.rate(component, 120 * GIB * month_us, NOVEMBER)
    assert [(part.tier, line.shown_micro(part), part.unit_nano) for part in line.parts] == [
        (None, 5_000_000, 0),
        (0, 50_000_000, 120_000_000),
        (1, 65_000_000, 100_000_000),
    ]
    assert [line.shown_nano(part) for part in line.parts] == [0, 6_000_000_000, 6_500_000_000]
    assert line.amount_fen == 1_250


def test_volume_prices_all_by_the_tier_reached() -> None:
    component = stored((120_000_000, 50), (100_000_000, None), model="volume")
    month_us = NOVEMBER.to_us - NOVEMBER.from_us
    at_edge, past = (rules.rate(component, gib * GIB * month_us, NOVEMBER) for gib in (50, 60))
    assert (at_edge.amount_fen, past.amount_fen) == (600, 600)
    later = rules.rate(component, 10 * GIB * month_us, NOVEMBER, before=50 * GIB * month_us)
    assert later.parts == (
        Part(0, -50 * GIB * month_us, 120_000_000),
        Part(1, 60 * GIB * month_us, 100_000_000),
    )
    assert later.amount_fen == 0


def test_an_hour_is_an_hour_in_every_month() -> None:
    component = Component(meter=STORED.key, unit_micro=10**6, per="hour", tiers=(Tier(350_000_000),))
    assert rules.rate(component, 10**6 * 90 * 60_000_000, NOVEMBER).product == 350_000_000 * 10**6 * 90 * 60_000_000
    assert rules.rate(component, 10**6 * 90 * 60_000_000, NOVEMBER).amount_fen == 53


def test_a_level_held_all_month_costs_the_same_in_every_month() -> None:
    component = stored((99_000_000, None))
    for month in range(1, 13):
        period = rules.period_of(f"2028-{month:02d}")
        assert rules.rate(component, 1000 * GIB * (period.to_us - period.from_us), period).amount_fen == 9_900


def test_months_are_civil_months_in_shanghai() -> None:
    assert NOVEMBER.from_us == int(datetime(2026, 10, 31, 16, tzinfo=UTC).timestamp()) * 1_000_000
    names = [f"{year}-{month:02d}" for year in range(1992, 2100) for month in range(1, 13)]
    months = [rules.period_of(name) for name in names]
    assert all(one.to_us == next_one.from_us for one, next_one in pairwise(months))
    for name, month in zip(names, months, strict=True):
        year, number = map(int, name.split("-"))
        assert month.to_us - month.from_us == calendar.monthrange(year, number)[1] * DAY_US
        assert (rules.period_at(month.from_us), rules.period_at(month.to_us - 1)) == (name, name)
    assert rules.period_at(rules.period_of("9998-12").to_us - 1) == "9998-12"


@pytest.mark.parametrize(
    "name", ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "1991-12", "9999-01", "２０２６-11"]
)
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules.period_of(name)
    assert [problem.pointer for problem in caught.value.problems] == ["/period"]
    assert name in caught.value.text.zh


def test_every_fault_of_a_price_is_named() -> None:
    wrong = Component(
        meter="test.other",
        unit_micro=0,
        included_micro=-1,
        tiers=(Tier(5, 10), Tier(-1, None), Tier(3, 10), Tier(2, 7)),
    )
    problems = rules.check_component(wrong, STORED, pointer="/spec/components/2")
    assert [(problem.code, problem.pointer.removeprefix("/spec/components/2")) for problem in problems] == [
        ("WRONG_METER", "/meter"),
        ("WRONG_TIME", "/per"),
        ("OUT_OF_RANGE", "/unit_micro"),
        ("OUT_OF_RANGE", "/included_micro"),
        ("OUT_OF_RANGE", "/tiers/1/unit_nano"),
        ("NO_BOUND", "/tiers/1/upto_micro"),
        ("NOT_ASCENDING", "/tiers/2/upto_micro"),
        ("NOT_OPEN_ENDED", "/tiers/3/upto_micro"),
    ]


def test_a_price_needs_a_tier_and_a_sum_no_time() -> None:
    none = Component(meter=REQUESTS.key, unit_micro=10**6, per="month", tiers=())
    assert [problem.code for problem in rules.check_component(none, REQUESTS)] == ["WRONG_TIME", "NO_TIER"]
    first_bound = Component(meter=REQUESTS.key, unit_micro=10**6, tiers=(Tier(1, 0), Tier(2)))
    assert [problem.code for problem in rules.check_component(first_bound, REQUESTS)] == ["NOT_ASCENDING"]


@st.composite
def month_of_readings(draw: st.DrawFn) -> list[Reading]:
    """Levels and sums about November, some across its edges and across the change of price."""
    found = []
    moments = st.integers(NOVEMBER.from_us - DAY_US, NOVEMBER.to_us + DAY_US)
    about = st.sampled_from([NOVEMBER.from_us, CHANGE_US, NOVEMBER.to_us])
    for n in range(draw(st.integers(1, 6))):
        begin = draw(moments | about | about.map(lambda edge: edge - 1))
        found.append(
            Reading(
                source="probe",
                source_id=str(n),
                meter=draw(st.sampled_from([STORED.key, REQUESTS.key])),
                resource=draw(st.sampled_from(["bk1", "bk2"])),
                project="pr1",
                from_us=begin,
                to_us=begin + draw(st.integers(1, DAY_US)),
                quantity_micro=draw(st.integers(0, 10**15)),
            )
        )
    return found


def used(readings: list[Reading], meter: MeterDef, from_us: int, to_us: int) -> int:
    if meter is REQUESTS:
        return sum(r.quantity_micro for r in readings if r.meter == meter.key and from_us <= r.from_us < to_us)
    return sum(
        r.quantity_micro * max(0, min(r.to_us, to_us) - max(r.from_us, from_us))
        for r in readings
        if r.meter == meter.key
    )


def statement(db: sqlite3.Connection, old: Component, new: Component) -> list[rules.Rated]:
    segments = [
        (version, sum(row.quantity for row in usage.totals(db, "pr1", *span) if row.meter == version.meter))
        for version, span in ((old, (NOVEMBER.from_us, CHANGE_US)), (new, (CHANGE_US, NOVEMBER.to_us)))
    ]
    return rules.rate_versions(segments, NOVEMBER)


@settings(deadline=None)
@given(st.data(), month_of_readings(), st.sampled_from([STORED, REQUESTS]))
def test_late_and_repeated_readings_give_the_bill_from_scratch(
    data: st.DataObject, readings: list[Reading], meter: MeterDef
) -> None:
    old, new = data.draw(components(meter=meter)), data.draw(components(meter=meter))
    in_time = data.draw(st.lists(st.sampled_from(readings), max_size=6))
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(metering.SCHEMA + amendments.SCHEMA)
        metering.record(db, in_time, now_us=0)
        statement(db, old, new)
        metering.record(db, data.draw(st.permutations(readings)), now_us=1)
        before, after = statement(db, old, new)
    first = used(readings, meter, NOVEMBER.from_us, CHANGE_US)
    second = used(readings, meter, CHANGE_US, NOVEMBER.to_us)
    assert exact_nano(before) == owed_nano(old, first)
    assert exact_nano(after) == owed_nano(new, first + second) - owed_nano(new, first)
