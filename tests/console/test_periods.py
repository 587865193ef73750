"""Periods of an address and their steps: whole, in order, cut at midnight of Shanghai."""

import datetime
from itertools import pairwise

import pytest

from cloudhall.console import periods
from cloudhall.console.formats import ZONE
from cloudhall.kernel.world import SECOND_US

NOW_US = int(datetime.datetime(2026, 11, 22, 9, 30, tzinfo=ZONE).timestamp()) * SECOND_US


@pytest.mark.parametrize(("key", "count"), [("24h", 25), ("7d", 8), ("30d", 31), ("2026-11", 22), ("2026-10", 31)])
def test_steps_fill_a_period_without_hole_or_overlap(key: str, count: int) -> None:
    period = periods.period_of(key, NOW_US)
    cut = periods.steps(period)
    assert period.key == key
    assert len(cut) == count
    assert (cut[0].span.from_us, cut[-1].span.to_us) == period.window
    assert all(a.span.to_us == b.span.from_us for a, b in pairwise(cut))


def test_days_begin_at_midnight_of_shanghai() -> None:
    first, second, *_ = periods.steps(periods.period_of("2026-10", NOW_US))
    assert (first.label, second.label) == ("10-01", "10-02")
    at = datetime.datetime.fromtimestamp(second.span.from_us // SECOND_US, ZONE)
    assert (at.hour, at.minute) == (0, 0)


def test_a_period_of_no_name_is_the_last_thirty_days() -> None:
    assert periods.period_of("2019-13", NOW_US).key == periods.DEFAULT


def test_a_year_begins_after_december() -> None:
    january_us = int(datetime.datetime(2027, 1, 3, tzinfo=ZONE).timestamp()) * SECOND_US
    assert [p.key for p in periods.periods(january_us)][-2:] == ["2027-01", "2026-12"]
