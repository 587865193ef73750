"""What holds over time becomes readings that add up to it, however often and whenever it is cut."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import amendments, levels, metering, usage
from cloudhall.kernel.metering import DAY_US, MeterDef, define
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US
from tests.kit.hall import Hall

HEIGHT, RESERVED = "test.height", "storage.reserved_gib"
WORD = T("测试", "test")
define(
    MeterDef(
        key=HEIGHT,
        title=WORD,
        unit=WORD,
        aggregation="level",
        scale=WORD,
        precision=WORD,
        method=WORD,
        test=__name__,
    )
)
ENDS_US = 10 * DAY_US
SOURCE, PLACE, THING = "engine", "pj1", "thing"


def connect() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(metering.SCHEMA + amendments.SCHEMA + levels.SCHEMA)
    return db


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(connect()) as opened:
        yield opened


def measured(db: sqlite3.Connection, from_us: int, to_us: int, now_us: int) -> int:
    """Level times time, in what is written and what holds since."""
    written = sum(t.quantity for t in usage.totals(db, PLACE, from_us, to_us) if t.meter == HEIGHT)
    return written + sum(usage.share(r, from_us, to_us) for r in levels.open_stretches(db, PLACE, now_us))


def integral(changes: list[tuple[int, int]], from_us: int, to_us: int, now_us: int) -> int:
    """The same by summing the steps of the curve."""
    total, edges = 0, [*changes, (now_us, 0)]
    for (begin, level), (end, _) in pairwise(edges):
        total += level * max(0, min(end, to_us, now_us) - max(begin, from_us))
    return total


CHANGES = st.lists(st.tuples(st.integers(0, ENDS_US), st.integers(0, 10**12)), min_size=1, max_size=8).map(sorted)
CUTS = st.lists(st.integers(0, ENDS_US), max_size=8).map(sorted)


@given(CHANGES, CUTS, st.integers(0, ENDS_US), st.integers(0, ENDS_US))
@settings(max_examples=150, deadline=None)
def test_no_cut_changes_a_total(changes: list[tuple[int, int]], cuts: list[int], a: int, b: int) -> None:
    steps = sorted([(at, 0, level) for at, level in changes] + [(at, 1, 0) for at in cuts], key=lambda s: s[:2])
    with closing(connect()) as db:
        for at_us, is_cut, level in steps:
            if is_cut:
                levels.cut(db, at_us)
            else:
                levels.set_level(db, SOURCE, THING, HEIGHT, PLACE, level, at_us)
        window = (min(a, b), max(a, b))
        assert measured(db, *window, ENDS_US) == integral(changes, *window, ENDS_US)
        assert usage.coverage(db, PLACE, HEIGHT, THING, 0, ENDS_US).doubled == []


@given(
    st.lists(st.tuples(st.integers(1, DAY_US), st.integers(0, DAY_US), st.integers(0, 10**9)), min_size=1, max_size=12),
    st.integers(0, DAY_US),
)
@settings(max_examples=150, deadline=None)
def test_a_change_that_arrives_late_still_falls_into_open_time(
    turns: list[tuple[int, int, int]], behind_us: int
) -> None:
    """Each turn of an engine's reader: time passes, a change of a while ago comes in, everything is cut."""
    now_us, known_us, changes = 0, 0, [(0, 5)]
    with closing(connect()) as db:
        levels.set_level(db, SOURCE, THING, HEIGHT, PLACE, 5, 0)
        levels.known_until(db, SOURCE, 0)
        for passes_us, late_us, level in turns:
            now_us += passes_us
            at_us = max(known_us, now_us - late_us)
            levels.cut(db, now_us)
            levels.set_level(db, SOURCE, THING, HEIGHT, PLACE, level, at_us)
            changes.append((at_us, level))
            known_us = max(at_us, now_us - behind_us)
            levels.known_until(db, SOURCE, known_us)
            levels.cut(db, now_us)
        assert measured(db, 0, now_us, now_us) == integral(changes, 0, known_us, known_us)
        assert all(to_us <= known_us for (to_us,) in db.execute("SELECT to_us FROM usage"))


def test_a_change_from_before_what_was_cut_counts_from_the_cut_on(db: sqlite3.Connection) -> None:
    levels.set_level(db, SOURCE, THING, HEIGHT, PLACE, 5, 0)
    levels.cut(db, 100)
    levels.set_level(db, SOURCE, THING, HEIGHT, PLACE, 7, 40)
    assert measured(db, 0, 200, 200) == 5 * 100 + 7 * 100


def test_readings_are_a_day_at_most(db: sqlite3.Connection) -> None:
    levels.set_level(db, SOURCE, THING, HEIGHT, PLACE, 5, 7)
    levels.cut(db, 7 + 3 * DAY_US + 1)
    lengths = [to - begin for begin, to in db.execute("SELECT from_us, to_us FROM usage ORDER BY from_us")]
    assert lengths == [DAY_US, DAY_US, DAY_US, 1]


def test_what_ends_leaves_no_open_stretch(db: sqlite3.Connection) -> None:
    levels.set_level(db, SOURCE, THING, HEIGHT, PLACE, 5, 0)
    levels.end_levels(db, THING, 100)
    assert levels.open_stretches(db, PLACE, 500) == []
    assert (measured(db, 0, 500, 500), levels.level(db, THING, HEIGHT)) == (500, 0)


class TestDeclaredMeters:
    GIB_US = 1_000_000  # a GiB in micro-units

    def reserved(self, hall: Hall, place: str) -> int:
        now = hall.world.now_us()
        found = usage.totals(hall.read(), place, 0, now)
        written = sum(t.quantity for t in found if t.meter == RESERVED)
        return written + sum(usage.share(r, 0, now) for r in levels.open_stretches(hall.read(), place, now))

    def test_follow_the_log_to_the_microsecond(self, hall: Hall) -> None:
        project, developer = hall.project(), hall.staff["developer"]
        held: list[tuple[int, int]] = []

        def note(body: dict[str, object], gib: int) -> None:
            at = hall.one("SELECT at_us FROM event WHERE revision = ?", body["revision"])
            held.append((at, gib * self.GIB_US))

        note(
            hall.do(developer, Bucket, "create", place=project, name="stats", spec={"quota_gib": 10, "grade": "open"}),
            10,
        )
        hall.settle()
        for gib, hours in ((30, 5), (20, 30), (20, 1)):
            hall.world.advance(hours * 3_600)
            hall.kernel.levels.cut_all()
            note(hall.do(developer, Bucket, "update", target="stats", spec={"quota_gib": gib}), gib)
            hall.kernel.levels.cut_all()
        hall.settle()
        hall.do(developer, Bucket, "delete", target="stats")  # nothing is reserved for what lies in the bin
        hall.settle()
        removed = hall.one("SELECT at_us FROM event WHERE verb = 'delete'")
        hall.world.advance(3_600)
        hall.kernel.levels.cut_all()
        assert self.reserved(hall, project) == integral(held, 0, removed, removed)
        assert hall.counts()["meter_level"] == 0

    def test_a_long_log_is_read_in_pages(self, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(levels, "PAGE", 2)
        project, developer = hall.project(), hall.staff["developer"]
        for n in range(7):
            spec = {"quota_gib": n + 1, "grade": "open"}
            hall.do(developer, Bucket, "create", place=project, name=f"bucket-{n}", spec=spec)
        hall.world.advance(3_600)
        hall.kernel.levels.cut_all()
        assert hall.counts()["meter_level"] == 7
        assert hall.one("SELECT sum(level_micro) FROM meter_level") == 28 * self.GIB_US

    def test_an_edit_just_before_a_cut_is_not_cut_past(self, hall: Hall) -> None:
        project, developer = hall.project(), hall.staff["developer"]
        hall.do(developer, Bucket, "create", place=project, name="stats", spec={"quota_gib": 10, "grade": "open"})
        hall.kernel.levels.collect()
        hall.world.advance(10)
        changed = hall.do(developer, Bucket, "update", target="stats", spec={"quota_gib": 30})["revision"]
        hall.world.advance(3)
        hall.kernel.levels.cut_all()
        at = hall.one("SELECT at_us FROM event WHERE revision = ?", changed)
        readings = hall.read().execute("SELECT from_us, to_us, quantity_micro FROM usage ORDER BY from_us").fetchall()
        (_, until, before), (begun, ended, after) = readings
        assert (until, before, begun, after) == (at, 10 * self.GIB_US, at, 30 * self.GIB_US)
        assert ended - begun >= 3 * SECOND_US
