"""Amendments reverse and replace: what counts is the last decision, and every row that led to it stays."""

from contextlib import closing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.kernel import amendments, usage
from cloudhall.kernel.metering import Reading, record
from tests.kernel.test_metering import (
    LEVEL,
    PROJECT,
    SUM,
    connect,
    expected,
    moments,
    pages,
    quantities,
    reading,
    some_readings,
    total_of,
    windows,
)


@settings(deadline=None)
@given(st.data(), some_readings(), windows)
def test_totals_and_rows_follow_the_last_decision(
    data: st.DataObject, readings: list[Reading], window: tuple[int, int]
) -> None:
    standing = {each.source_id: each for each in readings}
    with closing(connect()) as db:
        record(db, readings, now_us=0)
        for n in range(data.draw(st.integers(1, 5))):
            old = data.draw(st.sampled_from(list(standing.values())))
            begin = data.draw(st.sampled_from([old.from_us]) | moments)
            length = data.draw(st.sampled_from([min(old.to_us - old.from_us, 20), 1]))
            new = msgspec.structs.replace(
                old, quantity_micro=data.draw(quantities), from_us=begin, to_us=begin + length
            )
            amendments.amend(db, f"cr-{n}", new, "pe-1", "miscounted", now_us=n)
            standing[new.source_id] = new
        assert total_of(db, window) == expected(list(standing.values()), window)
        for total in usage.totals(db, PROJECT, *window):
            shown = pages(db, total, window, 2)
            assert sum(row.sign * usage.share(row.reading, *window) for row in shown) == total.quantity
            assert len(shown) == total.readings
            mine = [r for r in standing.values() if (r.meter, r.resource) == (total.meter, total.resource)]
            assert {r.source_id for r in usage.standing(shown)} <= {r.source_id for r in mine}
        for meter in (SUM, LEVEL):
            known = usage.coverage(db, PROJECT, meter, "bk1", *window)
            unexplained_us = sum(span.length_us for span in known.unexplained)
            assert known.measured_us + known.declared_us + unexplained_us == window[1] - window[0]


def test_both_rows_say_who_why_old_new_and_when() -> None:
    read = reading("a", 0, 10, 5)
    right = msgspec.structs.replace(read, quantity_micro=4)
    with closing(connect()) as db:
        record(db, [read], now_us=0)
        old, new = amendments.amend(db, "cr-1", right, "pe-1", "counted twice", now_us=7)
        assert (old.reading, old.sign, old.step) == (read, -1, 1)
        assert (new.reading, new.sign, new.step) == (right, 1, 2)
        assert {(row.id, row.actor, row.reason, row.recorded_us) for row in (old, new)} == {
            ("cr-1", "pe-1", "counted twice", 7)
        }
        assert db.execute("SELECT quantity_micro FROM usage").fetchall() == [(5,)]


def test_an_amendment_repeated_is_the_first_and_the_next_takes_it_back() -> None:
    read = reading("a", 0, 10, 5)
    with closing(connect()) as db:
        record(db, [read], now_us=0)
        first = amendments.amend(db, "cr-1", msgspec.structs.replace(read, quantity_micro=4), "pe-1", "x", now_us=1)
        again = amendments.amend(db, "cr-1", msgspec.structs.replace(read, quantity_micro=9), "pe-2", "y", now_us=2)
        assert again == first
        old, _ = amendments.amend(db, "cr-2", msgspec.structs.replace(read, quantity_micro=3), "pe-2", "z", now_us=3)
        assert old.reading.quantity_micro == 4
        assert total_of(db) == {(SUM, "bk1"): 3}
        signed = usage.readings(db, PROJECT, SUM, "bk1", 0, 10)
        assert [(row.sign * row.reading.quantity_micro, row.amendment) for row in signed] == [
            (5, ""),
            (-5, "cr-1"),
            (4, "cr-1"),
            (-4, "cr-2"),
            (3, "cr-2"),
        ]
        assert [r.quantity_micro for r in usage.standing(signed)] == [3]


def test_what_was_never_read_is_not_amended() -> None:
    with closing(connect()) as db, pytest.raises(KeyError, match="probe/a"):
        amendments.amend(db, "cr-1", reading("a", 0, 10, 5), "pe-1", "x", now_us=1)


def test_a_contradiction_is_settled_by_a_later_amendment_only() -> None:
    one, other = reading("a", 0, 10, 5), reading("a", 0, 10, 6)
    with closing(connect()) as db:
        record(db, [one], now_us=0)
        amendments.amend(db, "cr-1", one, "pe-1", "before", now_us=1)
        record(db, [other], now_us=2)
        assert [c.refused for c in usage.unsettled(db)] == [other]
        amendments.amend(db, "cr-2", other, "pe-1", "the second is right", now_us=3)
        assert usage.unsettled(db) == []
        (told,) = usage.conflicts(db, PROJECT)
        assert (told.counted, told.refused, told.settled_by) == (other, other, "cr-2")
        assert total_of(db) == {(SUM, "bk1"): 6}
        record(db, [other, one], now_us=4)
        assert usage.unsettled(db) == []
