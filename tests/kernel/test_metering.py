"""Usage is counted once, exactly, and never invented; oracles integrate the readings without the database."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.kernel import amendments, metering, usage
from cloudhall.kernel.errors import Invalid, NotFound
from cloudhall.kernel.intervals import Span
from cloudhall.kernel.metering import DAY_US, Gap, MeterCursor, MeterDef, Reading, Recorded, define, record
from cloudhall.kernel.text import T

LEVEL, SUM = "test.level", "test.sum"
PROJECT = "pr1"
EVER = (-(10**15), 10**15)


def meter(key: str, aggregation: metering.Aggregation, title: str = "a meter") -> MeterDef:
    some = T("测试", title)
    return MeterDef(
        key=key, title=some, unit=some, aggregation=aggregation, scale=some, precision=some, method=some, test=__name__
    )


define(meter(LEVEL, "level"))
define(meter(SUM, "sum"))


def connect(path: Path | str = ":memory:") -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.executescript(metering.SCHEMA + amendments.SCHEMA)
    return db


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(connect()) as connection:
        yield connection


def reading(
    source_id: str, from_us: int, to_us: int, quantity_micro: int, *, meter: str = SUM, resource: str = "bk1"
) -> Reading:
    return Reading(
        source="probe",
        source_id=source_id,
        meter=meter,
        resource=resource,
        project=PROJECT,
        from_us=from_us,
        to_us=to_us,
        quantity_micro=quantity_micro,
    )


def gap(source_id: str, from_us: int, to_us: int, *, meter: str = LEVEL, cause: str = "engine_killed") -> Gap:
    return Gap(
        source="probe",
        source_id=source_id,
        meter=meter,
        resource="bk1",
        project=PROJECT,
        from_us=from_us,
        to_us=to_us,
        cause=cause,
    )


def total_of(db: sqlite3.Connection, window: tuple[int, int] = EVER) -> dict[tuple[str, str], int]:
    return {(row.meter, row.resource): row.quantity for row in usage.totals(db, PROJECT, *window) if row.quantity}


def integral(reading: Reading, at_us: int) -> int:
    """Level x time from the beginning of the reading until a moment."""
    return reading.quantity_micro * (min(max(at_us, reading.from_us), reading.to_us) - reading.from_us)


def expected(readings: Sequence[Reading], window: tuple[int, int] = EVER) -> dict[tuple[str, str], int]:
    """Fold the readings by difference of integrals, which is not how the tables are asked."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for each in readings:
        if each.meter == LEVEL:
            found[each.meter, each.resource] += integral(each, window[1]) - integral(each, window[0])
        elif each.from_us in range(*window):
            found[each.meter, each.resource] += each.quantity_micro
    return {key: quantity for key, quantity in found.items() if quantity}


moments = st.integers(-DAY_US, DAY_US) | st.integers(-20, 20)
quantities = st.integers(0, 2**63 - 1) | st.integers(0, 9)
windows = st.tuples(moments, moments).map(lambda pair: (min(pair), max(pair)))


@st.composite
def some_readings(draw: st.DrawFn) -> list[Reading]:
    found = []
    for n in range(draw(st.integers(1, 8))):
        begin = draw(moments)
        end = begin + draw(st.integers(1, DAY_US) | st.integers(1, 20))
        level = draw(st.booleans())
        resource = draw(st.sampled_from(["bk1", "bk2"]))
        found.append(
            reading(str(n), begin, end, draw(quantities), meter=LEVEL if level else SUM, resource=resource),
        )
    return found


@st.composite
def deliveries(draw: st.DrawFn, readings: list[Reading]) -> list[list[Reading]]:
    """Every reading at least once, any number of times, in any order, in any batches."""
    again = draw(st.lists(st.sampled_from(readings), max_size=8))
    order = draw(st.permutations([*readings, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)))
    return [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]


@settings(deadline=None)
@given(st.data(), some_readings(), windows)
def test_repeats_order_and_batches_change_nothing(
    data: st.DataObject, readings: list[Reading], window: tuple[int, int]
) -> None:
    batches = data.draw(deliveries(readings))
    with closing(connect()) as db:
        outcomes = [record(db, batch, now_us=n) for n, batch in enumerate(batches)]
        assert total_of(db, window) == expected(readings, window)
        assert total_of(db) == expected(readings)
    assert sum(outcome.new for outcome in outcomes) == len(readings)
    assert sum(outcome.repeated for outcome in outcomes) == sum(map(len, batches)) - len(readings)
    assert not any(outcome.conflicts for outcome in outcomes)


@settings(deadline=None)
@given(some_readings(), st.lists(moments, min_size=2, max_size=5))
def test_totals_of_adjoining_periods_add_up(readings: list[Reading], edges: list[int]) -> None:
    edges.sort()
    whole: dict[tuple[str, str], int] = defaultdict(int)
    with closing(connect()) as db:
        record(db, readings, now_us=0)
        for window in pairwise(edges):
            for key, quantity in total_of(db, window).items():
                whole[key] += quantity
        assert whole == total_of(db, (edges[0], edges[-1]))


@settings(deadline=None)
@given(st.data(), some_readings(), windows)
def test_cutting_a_reading_changes_nothing(
    data: st.DataObject, readings: list[Reading], window: tuple[int, int]
) -> None:
    """A level anywhere, for every period; a sum at a measured boundary, for every period that holds both parts."""
    pieces: list[Reading] = []
    for each in readings:
        if each.to_us - each.from_us < 2:
            pieces.append(each)
            continue
        at_us = data.draw(st.integers(each.from_us + 1, each.to_us - 1))
        first = each.quantity_micro if each.meter == LEVEL else data.draw(st.integers(0, each.quantity_micro))
        second = each.quantity_micro if each.meter == LEVEL else each.quantity_micro - first
        pieces.append(
            reading(f"{each.source_id}a", each.from_us, at_us, first, meter=each.meter, resource=each.resource)
        )
        pieces.append(
            reading(f"{each.source_id}b", at_us, each.to_us, second, meter=each.meter, resource=each.resource)
        )
    levels = [each for each in readings if each.meter == LEVEL]
    with closing(connect()) as db:
        record(db, pieces, now_us=0)
        assert total_of(db) == expected(readings)
        cut = {key: quantity for key, quantity in total_of(db, window).items() if key[0] == LEVEL}
        assert cut == expected(levels, window)


@settings(deadline=None)
@given(some_readings(), windows, st.integers(1, 3))
def test_the_readings_shown_add_up_to_the_total_shown(
    readings: list[Reading], window: tuple[int, int], page_size: int
) -> None:
    with closing(connect()) as db:
        record(db, readings, now_us=0)
        for total in usage.totals(db, PROJECT, *window):
            shown = pages(db, total, window, page_size)
            assert sum(each.sign * usage.share(each.reading, *window) for each in shown) == total.quantity
            assert len(shown) == total.readings
            assert all(each.reading in readings for each in shown)


def pages(db: sqlite3.Connection, total: usage.Total, window: tuple[int, int], size: int) -> list[usage.Booked]:
    shown: list[usage.Booked] = []
    after: usage.After | None = None
    ask = partial(usage.readings, db, PROJECT, total.meter, total.resource, *window, limit=size)
    while len(shown) <= total.readings and (page := ask(after=after)):
        shown += page
        after = page[-1].place
    return shown


@settings(deadline=None)
@given(st.data(), some_readings())
def test_another_body_under_the_same_id_is_kept_apart(data: st.DataObject, readings: list[Reading]) -> None:
    first = data.draw(st.sampled_from(readings))
    other = data.draw(st.integers(0, 2**63 - 1).filter(lambda quantity: quantity != first.quantity_micro))
    forged = reading(first.source_id, first.from_us, first.to_us, other, meter=first.meter)
    with closing(connect()) as db:
        record(db, readings, now_us=1)
        assert record(db, [forged, first, forged], now_us=2) == Recorded(new=0, repeated=1, conflicts=2)
        assert total_of(db) == expected(readings)
        assert usage.conflicts(db, PROJECT) == [usage.Conflict(metering.body_hash(forged).hex(), forged, first, 2)]


def test_whichever_body_comes_first_none_is_lost(db: sqlite3.Connection) -> None:
    one, other = reading("a", 0, 10, 5), reading("a", 0, 10, 6)
    assert record(db, [other, one], now_us=3) == Recorded(new=1, repeated=0, conflicts=1)
    assert total_of(db) == {(SUM, "bk1"): 6}
    assert usage.conflicts(db, PROJECT) == [usage.Conflict(metering.body_hash(one).hex(), one, other, 3)]


def test_a_gap_with_another_cause_under_the_same_id_is_kept_apart(db: sqlite3.Connection) -> None:
    declared, other = gap("a", 0, 10), gap("a", 0, 10, cause="disk_full")
    assert record(db, [], [declared, declared, other], now_us=0) == Recorded(new=1, repeated=1, conflicts=1)
    assert usage.gaps(db, PROJECT, 0, 10) == [declared]
    assert usage.conflicts(db, PROJECT) == [usage.Conflict(metering.body_hash(other).hex(), other, declared, 0)]


def test_a_sum_counts_where_its_interval_begins_and_a_level_by_its_time_inside(db: sqlite3.Connection) -> None:
    record(db, [reading("s", 90, 110, 7), reading("l", 90, 110, 7, meter=LEVEL)], now_us=0)
    assert total_of(db, (0, 100)) == {(SUM, "bk1"): 7, (LEVEL, "bk1"): 70}
    assert total_of(db, (100, 200)) == {(LEVEL, "bk1"): 70}


def test_quantities_beyond_64_bits_add_up(db: sqlite3.Connection) -> None:
    most = 2**63 - 1
    record(db, [reading(str(n), n, n + 1, most) for n in range(3)], now_us=0)
    record(db, [reading("l", 0, DAY_US, most, meter=LEVEL)], now_us=0)
    assert total_of(db) == {(SUM, "bk1"): 3 * most, (LEVEL, "bk1"): most * DAY_US}


def test_a_gap_adds_nothing_and_a_late_reading_covers_it(db: sqlite3.Connection) -> None:
    record(db, [reading("a", 0, 40, 2, meter=LEVEL)], [gap("g", 40, 70)], now_us=0)
    assert total_of(db) == {(LEVEL, "bk1"): 80}
    assert usage.coverage(db, PROJECT, LEVEL, "bk1", 0, 100) == (40, 30, [Span(70, 100)], [])
    record(db, [reading("late", 50, 90, 1, meter=LEVEL)], now_us=1)
    assert usage.coverage(db, PROJECT, LEVEL, "bk1", 0, 100) == (80, 10, [Span(90, 100)], [])
    assert [each.cause for each in usage.gaps(db, PROJECT, 0, 100)] == ["engine_killed"]


def test_a_gap_of_another_meter_explains_nothing(db: sqlite3.Connection) -> None:
    record(db, [], [gap("g", 0, 10, meter=SUM)], now_us=0)
    assert usage.coverage(db, PROJECT, LEVEL, "bk1", 0, 10) == (0, 0, [Span(0, 10)], [])


def test_pages_go_on_within_one_moment(db: sqlite3.Connection) -> None:
    same_begin = [reading(source_id, 0, 10, 1) for source_id in "abcd"]
    record(db, same_begin[::-1], now_us=0)
    assert pages(db, usage.Total(SUM, "bk1", 4, 4), (0, 10), 1) == [usage.Booked(each) for each in same_begin]


def test_time_claimed_twice_is_told(db: sqlite3.Connection) -> None:
    record(db, [reading("a", 0, 40, 2, meter=LEVEL), reading("b", 30, 60, 2, meter=LEVEL)], now_us=0)
    assert usage.coverage(db, PROJECT, LEVEL, "bk1", 0, 60).doubled == [Span(30, 40)]


@settings(deadline=None)
@given(some_readings(), st.lists(windows.filter(lambda pair: pair[0] < pair[1]), max_size=4), windows)
def test_measured_declared_and_unexplained_fill_the_period(
    readings: list[Reading], missed: list[tuple[int, int]], window: tuple[int, int]
) -> None:
    with closing(connect()) as db:
        record(db, readings, [gap(str(n), *each) for n, each in enumerate(missed)], now_us=0)
        for key in (LEVEL, SUM):
            known = usage.coverage(db, PROJECT, key, "bk1", *window)
            unexplained_us = sum(span.length_us for span in known.unexplained)
            assert known.measured_us + known.declared_us + unexplained_us == window[1] - window[0]


def test_gaps_are_those_that_reach_into_the_period(db: sqlite3.Connection) -> None:
    record(db, [], [gap("before", 0, 10), gap("over", 5, 40 * DAY_US), gap("after", 20, 30)], now_us=0)
    assert [each.source_id for each in usage.gaps(db, PROJECT, 10, 20)] == ["over"]


def test_a_project_sees_its_own_use(db: sqlite3.Connection) -> None:
    record(db, [reading("a", 0, 10, 5)], [gap("g", 0, 10)], now_us=0)
    assert usage.totals(db, "pr2", *EVER) == []
    assert usage.gaps(db, "pr2", *EVER) == []
    assert usage.readings(db, "pr2", SUM, "bk1", *EVER) == []


def test_every_problem_of_a_delivery_is_named_and_nothing_of_it_kept(db: sqlite3.Connection) -> None:
    wrong = [
        reading("fine", 0, 10, 1),
        reading("unknown", 0, 10, 1, meter="test.levle"),
        reading("empty", 10, 10, 1),
        reading("negative", 0, 10, -1),
        reading("large", 0, 10, 2**63),
        reading("long", 0, DAY_US + 1, 1, meter=LEVEL),
        reading("long sum", 0, 31 * DAY_US + 1, 1),
    ]
    with pytest.raises(Invalid) as caught:
        record(db, wrong, [gap("backwards", 10, 0)], MeterCursor("probe", "{}"), now_us=0)
    assert [(problem.code, problem.pointer) for problem in caught.value.problems] == [
        ("UNKNOWN_METER", "/readings/1/meter"),
        ("EMPTY_INTERVAL", "/readings/2/to_us"),
        ("OUT_OF_RANGE", "/readings/3/quantity_micro"),
        ("OUT_OF_RANGE", "/readings/4/quantity_micro"),
        ("TOO_LONG", "/readings/5/to_us"),
        ("TOO_LONG", "/readings/6/to_us"),
        ("EMPTY_INTERVAL", "/gaps/0/to_us"),
    ]
    assert caught.value.problems[0].mend == T("是否指 test.level？", "Did you mean test.level?")
    assert total_of(db) == {}
    assert metering.position(db, "probe") is None


def test_the_longest_readings_are_taken_and_found(db: sqlite3.Connection) -> None:
    record(db, [reading("l", 0, DAY_US, 1, meter=LEVEL), reading("s", 0, 31 * DAY_US, 1)], now_us=0)
    assert total_of(db, (DAY_US - 1, DAY_US)) == {(LEVEL, "bk1"): 1}
    assert usage.coverage(db, PROJECT, SUM, "bk1", 31 * DAY_US - 1, 31 * DAY_US).measured_us == 1


def test_readings_and_position_stay_together_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "cloudhall.db"
    with closing(connect(path)) as db:
        record(db, [reading("a", 0, 10, 5)], cursor=MeterCursor("probe", '{"scrape":1}'), now_us=0)
        db.commit()
        record(db, [reading("b", 10, 20, 5)], cursor=MeterCursor("probe", '{"scrape":2}'), now_us=0)
    with closing(sqlite3.connect(path)) as db:
        assert metering.position(db, "probe") == '{"scrape":1}'
        assert total_of(db) == {(SUM, "bk1"): 5}


def test_a_meter_means_one_thing() -> None:
    assert define(meter(SUM, "sum")) == metering.meter_of(SUM)
    with pytest.raises(ValueError, match=r"test\.sum is defined twice"):
        define(meter(SUM, "level"))
    with pytest.raises(NotFound) as caught:
        metering.meter_of("test.summ")
    assert caught.value.how.en == "Did you mean test.sum?"


def test_a_period_is_read_from_the_covering_index(db: sqlite3.Connection) -> None:
    seen: list[str] = []
    db.set_trace_callback(seen.append)
    usage.totals(db, PROJECT, *EVER)
    usage.coverage(db, PROJECT, LEVEL, "bk1", *EVER)
    usage.readings(db, PROJECT, LEVEL, "bk1", *EVER)
    usage.conflicts(db, PROJECT)
    db.set_trace_callback(None)
    plans = [row[3] for sql in seen for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    looked = [plan for plan in plans if plan.startswith(("SCAN", "SEARCH"))]
    assert len(looked) >= len(seen)
    assert all(plan.startswith("SEARCH") and "project=?" in plan for plan in looked)
    assert (
        sum("COVERING INDEX usage_by_period (project=? AND meter=? AND from_us>? AND from_us<?)" in p for p in looked)
        >= 4
    )
