"""Periods that a page of figures is asked for in its address, cut into equal steps. Pure.

`24h` is cut into hours, everything else into days of Asia/Shanghai; the last step ends now where the period does.
"""

import datetime
from itertools import pairwise
from typing import NamedTuple

from cloudhall.console.formats import MONTHS, local
from cloudhall.kernel.intervals import Span
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

HOUR_US, DAY_US = 3_600 * SECOND_US, 86_400 * SECOND_US
OFFSET_US = 8 * HOUR_US  # Asia/Shanghai keeps UTC+8 without summer time
ROLLING = {
    "24h": (DAY_US, T("最近 24 小时", "Last 24 hours")),
    "7d": (7 * DAY_US, T("最近 7 天", "Last 7 days")),
    "30d": (30 * DAY_US, T("最近 30 天", "Last 30 days")),
}
DEFAULT = "30d"
MONTHS_SHOWN = 2


class Period(NamedTuple):
    """A stretch of time under a name that stands in an address."""

    key: str
    title: T
    window: Span


class Step(NamedTuple):
    """One step; `label` is where it stands on an axis: its hour, or its day."""

    label: str
    span: Span


def periods(now_us: int) -> list[Period]:
    """What may be chosen: the last hours and days, this month and the one before."""
    rolling = [Period(key, title, Span(now_us - length, now_us)) for key, (length, title) in ROLLING.items()]
    first, months = local(now_us).replace(day=1, hour=0, minute=0, second=0), []
    end_us = now_us
    for _ in range(MONTHS_SHOWN):
        title = T(f"{first.year} 年 {first.month} 月", f"{MONTHS[first.month - 1]} {first.year}")
        months.append(Period(f"{first:%Y-%m}", title, Span(_us(first), end_us)))
        end_us, first = _us(first), (first - datetime.timedelta(days=1)).replace(day=1)
    return [*rolling, *months]


def period_of(key: str, now_us: int) -> Period:
    """Period of a name; the last 30 days where there is none of that name."""
    found = {p.key: p for p in periods(now_us)}
    return found.get(key, found[DEFAULT])


def steps(period: Period) -> list[Step]:
    """Equal steps that fill a period, in order of time; the first and the last may be shorter."""
    hourly = period.window.length_us <= DAY_US
    step_us, form = (HOUR_US, "%H:%M") if hourly else (DAY_US, "%m-%d")
    edges = [period.window.from_us]
    while edges[-1] < period.window.to_us:
        next_us = ((edges[-1] + OFFSET_US) // step_us + 1) * step_us - OFFSET_US
        edges.append(min(next_us, period.window.to_us))
    return [Step(local(begin).strftime(form), Span(begin, end)) for begin, end in pairwise(edges)]


def _us(at: datetime.datetime) -> int:
    return int(at.timestamp()) * SECOND_US
