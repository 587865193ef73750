"""Working-day clocks against a count that walks day by day, with random pauses, and by hand where a hand can check."""

import datetime
import random
from collections.abc import Iterable

import pytest

from cloudhall.kernel import calendar, clocks, holidays
from cloudhall.kernel.calendar import Calendar
from cloudhall.kernel.clocks import Change, Clock, Pause, Recorded, due, escalation, read, recompute, used
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.holidays import DAY
from tests.kernel.law import BOOK, CALENDAR

D = datetime.date
CASES = 20_000
FIRST = D(2007, 1, 1)
SPREAD_DAYS = 18 * 365


def stands_still(day: datetime.date, pauses: Iterable[Pause], on: datetime.date) -> bool:
    return any(p.first <= day and (day <= on if p.until is None else day < p.until) for p in pauses)


def walked(clock: Clock, on: datetime.date) -> datetime.date:
    """Day on which a clock ends, counted day by day and nothing else."""
    left, day = clock.days, clock.start
    while left:
        day += DAY
        left -= CALENDAR.works(day) and not stands_still(day, clock.pauses, on)
    return day


def obvious(clock: Clock, on: datetime.date) -> datetime.date:
    """The arithmetic that first comes to mind: move the end by the working days of all pauses."""
    stopped = sum(CALENDAR.count(p.first - DAY, on if p.until is None else p.until - DAY) for p in clock.pauses)
    return CALENDAR.nth(CALENDAR.until(clock.start) + clock.days + stopped)


def random_clock(dice: random.Random) -> tuple[Clock, datetime.date]:
    """A clock with up to four pauses that may overlap, touch, be empty, begin before it or after its end; and a day."""
    start = FIRST + dice.randrange(60, SPREAD_DAYS) * DAY
    pauses = []
    for _ in range(dice.randrange(5)):
        first = start + dice.randrange(-20, 90) * DAY
        pauses.append(Pause(first, first + dice.randrange(40) * DAY))
    if dice.random() < 0.3:
        pauses.append(Pause(start + dice.randrange(90) * DAY))
    dice.shuffle(pauses)
    return Clock(start, dice.randrange(1, 61), tuple(pauses)), start + dice.randrange(150) * DAY


@pytest.fixture(scope="module")
def cases() -> list[tuple[Clock, datetime.date]]:
    dice = random.Random(20_260_101)  # noqa: S311  replayable on purpose
    return [random_clock(dice) for _ in range(CASES)]


def test_the_end_agrees_with_a_count_day_by_day(cases: list[tuple[Clock, datetime.date]]) -> None:
    wrong = [c for c, on in cases if due(c.start, c.days, CALENDAR, c.pauses, on=on) != walked(c, on)]
    assert wrong == []


def test_the_obvious_arithmetic_is_found_out_by_the_same_cases(cases: list[tuple[Clock, datetime.date]]) -> None:
    assert sum(obvious(c, on) != walked(c, on) for c, on in cases) > CASES / 4


def test_used_days_agree_with_a_count_day_by_day(cases: list[tuple[Clock, datetime.date]]) -> None:
    for clock, on in cases[:2_000]:
        days = holidays.days_of((clock.start + DAY, on))
        assert used(clock, CALENDAR, on) == sum(
            CALENDAR.works(d) and not stands_still(d, clock.pauses, on) for d in days
        )


def test_a_reading_is_one_with_itself(cases: list[tuple[Clock, datetime.date]]) -> None:
    for clock, on in cases:
        now = read(clock, CALENDAR, on)
        assert now.used_days + now.left_days == clock.days
        assert (now.state == "overdue") == (on > now.due)
        assert now.state != "overdue" or now.left_days == 0
        assert now.state != "paused" or stands_still(on, clock.pauses, on)


def test_day_one_is_the_working_day_after_receipt() -> None:
    assert due(D(2026, 9, 23), 1, CALENDAR) == D(2026, 9, 24)
    assert due(D(2026, 9, 24), 1, CALENDAR) == D(2026, 9, 28)  # Mid-Autumn Festival lies between


def test_twenty_working_days_over_the_national_day_of_2026_by_hand() -> None:
    """Received on Friday 18 September: 20 to 24, 28 to 30 September, 8 to 10, 12 to 16, 19 to 22 October."""
    assert due(D(2026, 9, 18), 20, CALENDAR) == D(2026, 10, 22)


def test_a_pause_moves_the_end_by_its_working_days_alone() -> None:
    clock = Clock(D(2026, 9, 18), 20, (Pause(D(2026, 9, 28), D(2026, 10, 9)),))  # 28 to 30 September and 8 October
    assert read(clock, CALENDAR, D(2026, 9, 28)).due == D(2026, 10, 28)


def test_a_pause_that_begins_after_the_end_moves_nothing() -> None:
    clock = Clock(D(2026, 9, 18), 3, (Pause(D(2026, 9, 23), D(2026, 12, 1)),))
    assert read(clock, CALENDAR, D(2026, 9, 24)) == clocks.Reading("overdue", D(2026, 9, 22), 3, 0, 2, estimated=False)


def test_an_open_pause_shows_the_clock_stopped_and_moves_its_end_with_today() -> None:
    clock = Clock(D(2026, 3, 2), 5, (Pause(D(2026, 3, 4)),))
    shown = [read(clock, CALENDAR, D(2026, 3, day)) for day in (3, 4, 20)]
    assert [(r.state, r.used_days, r.left_days) for r in shown] == [
        ("running", 1, 4),
        ("paused", 1, 4),
        ("paused", 1, 4),
    ]
    assert [r.due for r in shown] == [D(2026, 3, 9), D(2026, 3, 10), D(2026, 3, 26)]


def test_an_end_that_no_notice_has_settled_is_called_estimated() -> None:
    ends = [read(Clock(D(2026, 12, 21), days), CALENDAR, D(2026, 12, 21)) for days in (3, 4)]
    assert [(r.due, r.estimated) for r in ends] == [(D(2026, 12, 24), False), (D(2026, 12, 25), True)]


def test_steps_of_an_escalation_lie_on_the_days_that_use_up_their_share() -> None:
    clock = Clock(D(2026, 9, 18), 5)
    steps = escalation(clock, CALENDAR, D(2026, 9, 23), (50, 80, 100, 200))
    days = [D(2026, 9, 22), D(2026, 9, 23), D(2026, 9, 24), D(2026, 10, 9)]
    assert [(s.percent, s.day, s.reached) for s in steps] == list(
        zip((50, 80, 100, 200), days, (True, True, False, False), strict=True)
    )


def test_a_pause_moves_the_steps_that_are_not_reached_yet() -> None:
    clock = Clock(D(2026, 9, 18), 5, (Pause(D(2026, 9, 23), D(2026, 9, 24)),))
    assert [s.day for s in escalation(clock, CALENDAR, D(2026, 9, 23))] == [
        D(2026, 9, 22),
        D(2026, 9, 24),
        D(2026, 9, 28),
    ]


def test_a_period_past_the_calendar_is_refused() -> None:
    with pytest.raises(NotFound, match="2050-12-31"):
        due(D(2050, 12, 1), 60, CALENDAR)


def test_an_announced_year_changes_what_was_estimated_and_nothing_else() -> None:
    known, estimated = before_the_notice_for_2026()
    dice = random.Random(7)  # noqa: S311  replayable on purpose
    open_clocks = {
        str(n): Clock(D(2025, 9, 1) + dice.randrange(150) * DAY, dice.randrange(1, 90)) for n in range(2_000)
    }
    on = D(2025, 11, 4)
    recorded = {key: written_down(clock, estimated, on) for key, clock in open_clocks.items()}
    assert recompute(recorded, estimated, on) == []
    changes = {change.key: change for change in recompute(recorded, known, on)}
    for key, clock in open_clocks.items():
        now, was = written_down(clock, known, on), recorded[key]
        expected = None if now == was else Change(key, was.due, now.due, now.estimated)
        assert changes.get(key) == expected
    assert 0 < len(changes) < len(open_clocks)
    assert all(change.was >= D(2025, 12, 25) for change in changes.values())


def before_the_notice_for_2026() -> tuple[Calendar, Calendar]:
    """The calendar with the notice for 2026 and the one that was estimated before it came."""
    announced = {year: a for year, a in holidays.announced(BOOK).items() if year >= 2024}
    earlier = {year: a for year, a in announced.items() if year < 2026} | {2026: holidays.estimate(BOOK, 2026)}
    return (
        Calendar(announced, calendar.settled_until(announced)),
        Calendar(earlier, calendar.settled_until((2024, 2025))),
    )


def written_down(clock: Clock, used_calendar: Calendar, on: datetime.date) -> Recorded:
    end = due(clock.start, clock.days, used_calendar, clock.pauses, on=on)
    return Recorded(clock, end, used_calendar.estimated(end))
