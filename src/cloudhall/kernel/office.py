"""From instants to days: for which day something counts that arrives at some moment, in Asia/Shanghai.

Office hours and the edges of a pause are rules (`clock.hours`, `clock.pauses`): they differ by place and are not in the
law, so they come in as values and their mark is for whoever shows them.
"""

import datetime

import msgspec

from cloudhall.kernel.calendar import Calendar
from cloudhall.kernel.clocks import Pause
from cloudhall.kernel.holidays import DAY
from cloudhall.kernel.rules import Rule
from cloudhall.kernel.world import SECOND_US

ZONE = datetime.timezone(datetime.timedelta(hours=8))  # no summer time since 1991 (IANA tz database)


class Hours(msgspec.Struct, frozen=True):
    """Values of `clock.hours` that decide."""

    closes: datetime.time
    late_counts_next_day: bool


class Edges(msgspec.Struct, frozen=True):
    """Values of `clock.pauses`."""

    served_day_counts: bool
    arrival_day_counts: bool


def hours_of(rule: Rule) -> Hours:
    """Office hours of a row of `clock.hours`."""
    return msgspec.convert(rule.value, Hours)


def edges_of(rule: Rule) -> Edges:
    """Edges of a pause, from a row of `clock.pauses`."""
    return msgspec.convert(rule.value, Edges)


def day_of(at_us: int) -> datetime.date:
    """Day of an instant (microseconds UTC)."""
    return _wall(at_us).date()


def received_on(at_us: int, calendar: Calendar, hours: Hours) -> datetime.date:
    """Day on which something counts as received: that of the instant, or the next working day for what came late."""
    at = _wall(at_us)
    late = not calendar.works(at.date()) or at.time() >= hours.closes
    if not (late and hours.late_counts_next_day):
        return at.date()
    return calendar.nth(calendar.until(at.date()) + 1)


def ends_us(due: datetime.date, hours: Hours) -> int:
    """Instant at which a period is over: when the office closes on its last day (Civil Code, article 203)."""
    return int(datetime.datetime.combine(due, hours.closes, ZONE).timestamp()) * SECOND_US


def pause_of(served: datetime.date, arrived: datetime.date | None, edges: Edges) -> Pause:
    """Pause between the day a notice was served and the day the supplement arrived, if it has."""
    first = served + DAY if edges.served_day_counts else served
    return Pause(first, None if arrived is None else arrived if edges.arrival_day_counts else arrived + DAY)


def _wall(at_us: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at_us // SECOND_US, ZONE)
