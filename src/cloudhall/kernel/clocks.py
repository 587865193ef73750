"""Working-day clocks: when a period ends, how much of it is used, what a pause does. Pure functions of days.

A clock is a reading: nothing is stored but its start, its length and its pauses, so that a new pause or a new calendar
moves the end by itself. The day of receipt is not counted (Civil Code, article 201), days off neither (Administrative
Licensing Law, article 82). While an applicant supplements, the clock stands still; a pause that begins after the end
moves nothing, for late is late. A pause that is still open counts as if it ended today, so the end moves with today.

Cost of a reading: the sort of its pauses and two array looks each; nothing is walked day by day.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec

from cloudhall.kernel.calendar import Calendar
from cloudhall.kernel.holidays import DAY

State = Literal["running", "paused", "overdue"]
ESCALATE_PERCENT = (50, 80, 100)


class Pause(NamedTuple):
    """Days `[first, until)` on which the clock stands still; without `until` it still does."""

    first: datetime.date
    until: datetime.date | None = None


class Clock(msgspec.Struct, frozen=True):
    """A period of `days` (at least 1) working days that began with what came in on `start`."""

    start: datetime.date
    days: int
    pauses: tuple[Pause, ...] = ()


class Reading(NamedTuple):
    """A clock as it stands on a day. `late_days` is counted from the end, pauses or not.

    `estimated` says that the end lies where no notice has settled the days off.
    """

    state: State
    due: datetime.date
    used_days: int
    left_days: int
    late_days: int
    estimated: bool


class Step(NamedTuple):
    """One step of an escalation: the day on which so many per cent of the period are used up."""

    percent: int
    day: datetime.date
    reached: bool


class Recorded(NamedTuple):
    """A clock with the end that was written down for it, for lists and indexes."""

    clock: Clock
    due: datetime.date
    estimated: bool


class Change(NamedTuple):
    """What a new calendar (or a day gone by, for an open pause) makes of a recorded end."""

    key: str
    was: datetime.date
    due: datetime.date
    estimated: bool


def due(
    start: datetime.date,
    days: int,
    calendar: Calendar,
    pauses: Iterable[Pause] = (),
    *,
    on: datetime.date | None = None,
) -> datetime.date:
    """Last day of a period. `on` is today, needed where a pause is open. Raises `NotFound` past the calendar."""
    assert days > 0, "a period has at least one day"
    wanted = calendar.until(start) + days
    for first, after, last in _stops(start, pauses, on):
        if calendar.until(first - DAY) >= wanted:
            break
        wanted += calendar.count(after, last)
    return calendar.nth(wanted)


def used(clock: Clock, calendar: Calendar, on: datetime.date) -> int:
    """Working days that have counted after the start, up to and including a day."""
    stops = _stops(clock.start, clock.pauses, on)
    return calendar.count(clock.start, on) - sum(calendar.count(after, min(last, on)) for _, after, last in stops)


def read(clock: Clock, calendar: Calendar, on: datetime.date) -> Reading:
    """Read a clock on a day."""
    end = due(clock.start, clock.days, calendar, clock.pauses, on=on)
    counted = used(clock, calendar, on)
    paused = any(p.first <= on and (p.until is None or on < p.until) for p in clock.pauses)
    return Reading(
        state="overdue" if on > end else "paused" if paused else "running",
        due=end,
        used_days=min(counted, clock.days),
        left_days=max(0, clock.days - counted),
        late_days=calendar.count(end, on),
        estimated=calendar.estimated(end),
    )


def escalation(
    clock: Clock, calendar: Calendar, on: datetime.date, percents: Iterable[int] = ESCALATE_PERCENT
) -> tuple[Step, ...]:
    """When to remind whom: days on which so many per cent (above 0; above 100 is overdue) are used, rounded up."""
    steps = []
    for percent in percents:
        day = due(clock.start, -(-clock.days * percent // 100), calendar, clock.pauses, on=on)
        steps.append(Step(percent, day, reached=day <= on))
    return tuple(steps)


def recompute(recorded: Mapping[str, Recorded], calendar: Calendar, on: datetime.date) -> list[Change]:
    """Recorded ends that no longer hold, after a year was announced; the others need not be written again."""
    changes = []
    for key, (clock, was, estimated) in recorded.items():
        end = due(clock.start, clock.days, calendar, clock.pauses, on=on)
        if (end, calendar.estimated(end)) != (was, estimated):
            changes.append(Change(key, was, end, calendar.estimated(end)))
    return changes


def _stops(
    start: datetime.date, pauses: Iterable[Pause], on: datetime.date | None
) -> Iterator[tuple[datetime.date, datetime.date, datetime.date]]:
    """Pauses in the order in which they begin: first day, and the days after one and up to another that it alone stops.

    What an earlier pause has stopped, or lies before the start, is not stopped again.
    """
    stopped = start
    for first, until in sorted(pauses, key=lambda pause: pause.first):
        last = _last(until, on)
        yield first, max(stopped, first - DAY), last
        stopped = max(stopped, last)


def _last(until: datetime.date | None, on: datetime.date | None) -> datetime.date:
    if until is not None:
        return until - DAY
    assert on is not None, "an open pause asks for the day on which the clock is read"
    return on
