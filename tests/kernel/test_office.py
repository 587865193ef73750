"""From instants to days: late arrivals, the end of a period, the edges of a pause."""

import datetime

import pytest

from cloudhall.kernel import office
from cloudhall.kernel.clocks import Pause
from cloudhall.kernel.office import Edges, Hours
from tests.kernel.law import BOOK, CALENDAR

D = datetime.date
HOURS = office.hours_of(BOOK.at("clock.hours", D(2026, 11, 20)))


def at(text: str) -> int:
    return int(datetime.datetime.fromisoformat(f"{text}+08:00").timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("arrived", "counts_for"),
    [
        ("2026-11-20T08:59:59", D(2026, 11, 20)),  # before the doors open
        ("2026-11-20T16:59:59", D(2026, 11, 20)),
        ("2026-11-20T17:00:00", D(2026, 11, 23)),  # Friday at closing time: Monday
        ("2026-11-21T10:00:00", D(2026, 11, 23)),
        ("2026-10-10T10:00:00", D(2026, 10, 10)),  # a Saturday that is worked
        ("2026-09-30T23:30:00", D(2026, 10, 8)),
    ],
)
def test_what_comes_late_counts_as_received_on_the_next_working_day(arrived: str, counts_for: datetime.date) -> None:
    assert office.received_on(at(arrived), CALENDAR, HOURS) == counts_for


def test_a_place_may_take_every_day_as_it_comes() -> None:
    hours = Hours(closes=datetime.time(17), late_counts_next_day=False)
    assert office.received_on(at("2026-11-21T23:59:59"), CALENDAR, hours) == D(2026, 11, 21)


def test_days_are_those_of_beijing() -> None:
    assert office.day_of(at("2026-11-20T00:00:00")) == D(2026, 11, 20)
    assert office.day_of(at("2026-11-20T00:00:00") - 1) == D(2026, 11, 19)


def test_a_period_is_over_when_the_office_closes() -> None:
    assert office.ends_us(D(2026, 11, 20), HOURS) == at("2026-11-20T17:00:00")


@pytest.mark.parametrize(
    ("edges", "pause"),
    [
        (Edges(served_day_counts=False, arrival_day_counts=False), Pause(D(2026, 11, 3), D(2026, 11, 6))),
        (Edges(served_day_counts=True, arrival_day_counts=True), Pause(D(2026, 11, 4), D(2026, 11, 5))),
    ],
)
def test_the_edges_of_a_pause_are_a_rule(edges: Edges, pause: Pause) -> None:
    assert office.pause_of(D(2026, 11, 3), D(2026, 11, 5), edges) == pause
    assert office.pause_of(D(2026, 11, 3), None, edges) == Pause(pause.first)


def test_the_rule_of_the_kernel_counts_neither_edge() -> None:
    edges = office.edges_of(BOOK.at("clock.pauses", D(2026, 11, 20)))
    assert edges == Edges(served_day_counts=False, arrival_day_counts=False)
