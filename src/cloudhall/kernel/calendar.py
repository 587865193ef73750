"""Working days of the People's Republic of China, from the announced and the estimated years.

Counting and the way back are one look each into two arrays made once: how many working days there are until a day, and
which day the n-th is. Invariants: a day before `estimated_from` is as announced and will not change; one from there on
may, and whoever shows it says so. A day outside of the years known is refused, never guessed.
"""

import datetime
from array import array
from collections.abc import Iterable, Mapping

from cloudhall.kernel import holidays
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.holidays import DAY, Arrangement
from cloudhall.kernel.rules import Book
from cloudhall.kernel.text import T

# New Year's holiday reaches back into December, so far to the 29th: the next year's notice settles a year's last week.
NEW_YEAR_REACH_DAYS = 7
SETTLED = T("以公布的节假日安排为准", "As announced")
ESTIMATED = T("所依节假日安排尚未公布，为估计", "Estimated: the days off are not announced yet")
WEEKEND = 5


class Calendar:
    """Which days are worked. 44 years are 16,071 days and 96 kB."""

    def __init__(self, years: Mapping[int, Arrangement], estimated_from: datetime.date) -> None:
        """`years` follow each other without gap; making it costs some 10 ms for 44 of them."""
        self.first, self.last = datetime.date(min(years), 1, 1), datetime.date(max(years), 12, 31)
        self.estimated_from = estimated_from
        self._base = self.first.toordinal()
        off = frozenset().union(*(a.off for a in years.values()))
        work = frozenset().union(*(a.work for a in years.values()))
        self._days = array("i")  # the n-th working day, as an ordinal
        self._until = array("i", [0])  # working days before each day; one longer than the days
        for ordinal in range(self._base, self.last.toordinal() + 1):
            day = datetime.date.fromordinal(ordinal)
            if day in work or (day.weekday() < WEEKEND and day not in off):
                self._days.append(ordinal)
            self._until.append(len(self._days))

    def works(self, day: datetime.date) -> bool:
        """Whether a day is worked."""
        at = self._at(day)
        return self._until[at + 1] > self._until[at]

    def until(self, day: datetime.date) -> int:
        """Working days up to and including a day, from the first year on. O(1)."""
        return self._until[self._at(day) + 1]

    def count(self, after: datetime.date, until: datetime.date) -> int:
        """Working days after one day, up to and including another; never negative. O(1)."""
        return max(0, self.until(until) - self.until(after))

    def nth(self, n: int) -> datetime.date:
        """Day on which `until` reaches `n` (from 1). O(1); raises `NotFound` past the last year."""
        if not 0 < n <= len(self._days):
            raise self._unknown()
        return datetime.date.fromordinal(self._days[n - 1])

    def estimated(self, day: datetime.date) -> bool:
        """Whether a day is not settled by a notice yet."""
        return day >= self.estimated_from

    def mark(self, day: datetime.date) -> T:
        """Say whether a day may still change; stands wherever an end is shown."""
        return ESTIMATED if self.estimated(day) else SETTLED

    def _at(self, day: datetime.date) -> int:
        at = day.toordinal() - self._base
        if not 0 <= at < len(self._until) - 1:
            raise self._unknown()
        return at

    def _unknown(self) -> NotFound:
        return NotFound(
            T(f"工作日历只到 {self.first} 至 {self.last}", f"Working days are known from {self.first} to {self.last}"),
            mend=T(
                "换一个日期，或补充规则表 calendar.lunar", "Ask another day, or extend the rule table calendar.lunar"
            ),
            reason="CALENDAR",
        )


def of(book: Book) -> Calendar:
    """Calendar of an installation's rules: announced years, then estimated ones as far as `calendar.lunar` reaches."""
    announced = holidays.announced(book)
    known = max(announced)
    end = book.table("calendar.lunar").rules[-1].valid_to
    assert end is not None, "calendar.lunar holds dates, so it ends"
    estimated = {year: holidays.estimate(book, year) for year in range(known + 1, end.year)}
    return Calendar(announced | estimated, settled_until(announced))


def settled_until(years: Iterable[int]) -> datetime.date:
    """First day that the notices for these years leave open."""
    return datetime.date(max(years), 12, 31) - (NEW_YEAR_REACH_DAYS - 1) * DAY
