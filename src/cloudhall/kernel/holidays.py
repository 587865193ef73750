"""Days off and days worked instead, year by year: as announced, else estimated by the rule of the notice for 2025.

The estimate joins the statutory days with weekends as that notice says, and works the nearest weekend days instead, as
long as nobody works more than six days in a row. It is a guess at what will be announced, and whoever shows a day of it
says so. A year's New Year may reach into the December before.
"""

import datetime
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cloudhall.kernel.rules import Book

DAY = datetime.timedelta(days=1)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, SATURDAY, SUNDAY = 0, 1, 2, 3, 5, 6
REACH_DAYS = 14  # how far from a holiday a weekend may be worked for it
# Where in its three days a single holiday lies, by weekday: joined with the weekend that is nearest.
BEFORE = {MONDAY: 2, TUESDAY: 2, THURSDAY: 0, 4: 0, SATURDAY: 0, SUNDAY: 1}
Span = tuple[datetime.date, datetime.date]


class Arrangement(NamedTuple):
    """Days off (weekends beside a holiday included) and weekend days that are worked, of one year."""

    off: frozenset[datetime.date]
    work: frozenset[datetime.date]


def announced(book: Book) -> dict[int, Arrangement]:
    """Every year that a notice has settled."""
    rules = book.table("calendar.holidays").rules
    return {rule.valid_from.year: _as_announced(rule.value) for rule in rules}


def estimate(book: Book, year: int) -> Arrangement:
    """What the year's notice will probably say; raises `NotFound` beyond the last year of `calendar.lunar`."""
    first = datetime.date(year, 1, 1)
    statutory = book.at("calendar.statutory", first).value["days"]
    rule = book.at("calendar.arrangement", first).value
    spans = dict(_spans(year, rule, book.at("calendar.lunar", first).value))
    off = frozenset(day for span in spans.values() for day in days_of(span))
    work: set[datetime.date] = set()
    for name, span in spans.items():
        due = sum(statutory[part] for part in _parts(name))
        wanted = sum(day.weekday() < SATURDAY for day in days_of(span)) - due
        for _ in range(wanted):
            work.add(_make_up(span, off, work, rule["work_run"]))
    return Arrangement(off, frozenset(work))


def days_of(span: Span) -> Iterator[datetime.date]:
    """Every day of a span, both ends included."""
    first, last = span
    return (first + DAY * n for n in range((last - first).days + 1))


def span_of(interval: str) -> Span:
    """Days of an ISO 8601 interval `2026-02-15/2026-02-23`, or of a single day; raises `ValueError`."""
    first, _, last = interval.partition("/")
    return datetime.date.fromisoformat(first), datetime.date.fromisoformat(last or first)


def _as_announced(value: Mapping[str, Any]) -> Arrangement:
    spans = [span_of(text) for text in value["off"].values()]
    return Arrangement(frozenset(day for span in spans for day in days_of(span)), frozenset(value["work"]))


def _spans(year: int, rule: Mapping[str, Any], lunar: Mapping[str, list[datetime.date]]) -> Iterator[tuple[str, Span]]:
    """Holidays of a year in their order, each joined with its weekend."""
    days, dates = rule["days"], {name: _of_year(year, found) for name, found in lunar.items()}
    yield "new_year", _joined(datetime.date(year, 1, 1), days["new_year"], rule["wednesday"])
    yield "spring", _run(dates["spring"] - DAY, days["spring"])
    yield "qingming", _joined(dates["qingming"], days["qingming"], rule["wednesday"])
    yield "labour", _run(_labour(datetime.date(year, 5, 1)), days["labour"])
    yield "dragon_boat", _joined(dates["dragon_boat"], days["dragon_boat"], rule["wednesday"])
    mid_autumn, national = dates["mid_autumn"], datetime.date(year, 10, 1)
    if national - 2 * DAY <= mid_autumn <= national + 6 * DAY:
        yield "national_mid_autumn", _run(min(mid_autumn, national), days["national_mid_autumn"])
    else:
        yield "mid_autumn", _joined(mid_autumn, days["mid_autumn"], rule["wednesday"])
        yield "national", _run(national, days["national"])


def _of_year(year: int, dates: list[datetime.date]) -> datetime.date:
    return next(day for day in dates if day.year == year)


def _joined(day: datetime.date, days: int, on_wednesday: int) -> Span:
    if day.weekday() == WEDNESDAY:
        return _run(day, on_wednesday)
    return _run(day - BEFORE[day.weekday()] * DAY, days)


def _labour(day: datetime.date) -> datetime.date:
    """Begin on the Saturday before where 1 May is a Sunday or Monday, as the notices for 2022 and 2023 do."""
    return day - {SUNDAY: 1, MONDAY: 2}.get(day.weekday(), 0) * DAY


def _run(first: datetime.date, days: int) -> Span:
    return first, first + (days - 1) * DAY


def _parts(name: str) -> tuple[str, ...]:
    return ("national", "mid_autumn") if name == "national_mid_autumn" else (name,)


def _make_up(span: Span, off: frozenset[datetime.date], work: set[datetime.date], run_max: int) -> datetime.date:
    """Nearest weekend day that can be worked for a holiday without too many working days in a row."""
    near = (day for n in range(1, REACH_DAYS + 1) for day in (span[0] - n * DAY, span[1] + n * DAY))
    free = (day for day in near if day.weekday() >= SATURDAY and day not in off and day not in work)
    return next(day for day in free if _run_with(day, off, work | {day}) <= run_max)


def _run_with(day: datetime.date, off: frozenset[datetime.date], work: set[datetime.date]) -> int:
    """Length of the run of working days that a day lies in."""

    def worked(day: datetime.date) -> bool:
        return day in work or (day.weekday() < SATURDAY and day not in off)

    def run(step: int) -> int:
        walk = (day + n * step * DAY for n in itertools.count(1))
        return sum(1 for _ in itertools.takewhile(worked, walk))

    return run(-1) + 1 + run(1)
