"""The calendar: counting and its inverse, the edge between announced and estimated, and its ends."""

import datetime

import pytest

from cloudhall.kernel.calendar import Calendar
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.holidays import DAY, Arrangement
from tests.kernel.law import CALENDAR

D = datetime.date


def test_counting_agrees_with_a_walk_over_every_day() -> None:
    seen, day = 0, CALENDAR.first
    while day <= CALENDAR.last:
        seen += CALENDAR.works(day)
        assert CALENDAR.until(day) == seen
        if CALENDAR.works(day):
            assert CALENDAR.nth(seen) == day
        day += DAY


def test_a_year_of_the_new_regulation_has_248_working_days() -> None:
    assert [CALENDAR.count(D(year - 1, 12, 31), D(year, 12, 31)) for year in (2025, 2026)] == [248, 248]


def test_counting_is_after_one_day_and_up_to_another() -> None:
    assert CALENDAR.count(D(2026, 9, 30), D(2026, 10, 8)) == 1  # the holiday between is no working day
    assert CALENDAR.count(D(2026, 10, 9), D(2026, 10, 10)) == 1  # a Saturday that is worked
    assert CALENDAR.count(D(2026, 10, 8), D(2026, 9, 30)) == 0


def test_new_year_settles_the_last_week_of_the_year_before() -> None:
    assert [CALENDAR.estimated(D(2026, 12, day)) for day in (24, 25, 31)] == [False, True, True]


def test_days_beyond_the_years_known_are_refused() -> None:
    for day in (D(2006, 12, 31), D(2051, 1, 1)):
        with pytest.raises(NotFound, match="2007-01-01 to 2050-12-31"):
            CALENDAR.until(day)
    with pytest.raises(NotFound):
        CALENDAR.nth(CALENDAR.until(CALENDAR.last) + 1)


def test_a_holiday_may_reach_into_the_year_before() -> None:
    off, work = frozenset({D(2020, 12, 31), D(2021, 1, 1)}), frozenset({D(2020, 12, 26)})
    years = {2020: Arrangement(frozenset(), frozenset()), 2021: Arrangement(off, work)}
    short = Calendar(years, D(2021, 12, 25))
    assert [short.works(D(2020, 12, day)) for day in (26, 27, 30, 31)] == [True, False, True, False]
