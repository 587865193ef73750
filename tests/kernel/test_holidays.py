"""Holidays against a list that others keep, and the estimate against what was announced afterwards."""

import datetime
from typing import Any

import pytest

from cloudhall.kernel import holidays
from cloudhall.kernel.holidays import DAY
from tests.kernel.law import BOOK, CALENDAR

D = datetime.date
PUBLISHED = range(2007, 2027)
ESTIMATED = range(2027, 2051)
LUNAR = {
    "spring": "Chinese New Year (Spring Festival)",
    "qingming": "Tomb-Sweeping Day",
    "dragon_boat": "Dragon Boat Festival",
    "mid_autumn": "Mid-Autumn Festival",
}


def independent(years: range) -> Any:
    """China in the package `holidays`, which keeps its own list and its own lunar calendar."""
    package = pytest.importorskip("holidays", reason="the independent list, package `holidays`, is not installed")
    return package.country_holidays("CN", years=years)


def test_twenty_published_years_agree_with_an_independent_list() -> None:
    others = independent(range(2006, 2028))
    first, last = D(PUBLISHED[0], 1, 1), D(PUBLISHED[-1], 12, 31)
    days = [first + DAY * n for n in range((last - first).days + 1)]
    assert len(days) == 7_305
    assert [d for d in days if CALENDAR.works(d) != others.is_working_day(d)] == []


def test_lunar_dates_agree_with_an_independent_calendar() -> None:
    others = independent(ESTIMATED)
    lunar = BOOK.table("calendar.lunar").rules[0].value
    ours = {(day, name) for name, days in lunar.items() for day in days if day.year in ESTIMATED}
    assert len(ours) == len(ESTIMATED) * len(LUNAR)
    assert [(day, name) for day, name in sorted(ours) if LUNAR[name] not in others.get(day, "")] == []


def test_every_published_year_has_a_row_of_its_own() -> None:
    assert sorted(holidays.announced(BOOK)) == list(PUBLISHED)


def test_make_up_days_are_weekend_days_and_days_off_hold_none() -> None:
    for year, arrangement in holidays.announced(BOOK).items():
        assert {d for d in arrangement.work if d.weekday() < 5} == set(), year
        assert arrangement.work & arrangement.off == set(), year


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_estimate_has_the_days_off_that_were_announced(year: int) -> None:
    said, guessed = holidays.announced(BOOK)[year], holidays.estimate(BOOK, year)
    weekdays_off = [{d for d in a.off if d.weekday() < 5} for a in (said, guessed)]
    assert weekdays_off[0] == weekdays_off[1]
    assert len(said.work) == len(guessed.work)


def test_the_estimate_of_2025_is_what_was_announced_and_that_of_2026_missed_two_exceptions() -> None:
    said, guessed = holidays.announced(BOOK), {year: holidays.estimate(BOOK, year) for year in (2025, 2026)}
    assert guessed[2025] == said[2025]
    # The notice for 2026 begins Spring Festival two days before its eve, and works a Sunday eleven days before October.
    assert sorted(said[2026].work ^ guessed[2026].work) == [
        D(2026, 2, 14),
        D(2026, 2, 15),
        D(2026, 9, 20),
        D(2026, 10, 17),
    ]


@pytest.mark.parametrize("year", ESTIMATED)
def test_an_estimated_year_keeps_the_statutory_days_and_the_longest_run_of_work(year: int) -> None:
    guessed = holidays.estimate(BOOK, year)
    weekdays_off = sum(d.weekday() < 5 for d in guessed.off)
    at_a_weekend_and_made_good = 13
    assert weekdays_off - len(guessed.work) == at_a_weekend_and_made_good
    assert longest_run_beside(guessed.work) <= 6


def longest_run_beside(work: frozenset[datetime.date]) -> int:
    """Longest run of working days that holds a day worked instead, day by day."""
    longest = 0
    for day in work:
        run = 1
        for step in (-1, 1):
            walk = day + step * DAY
            while CALENDAR.works(walk):
                run, walk = run + 1, walk + step * DAY
        longest = max(longest, run)
    return longest
