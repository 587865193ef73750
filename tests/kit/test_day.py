"""A day with a clock that jumps, over the end of a month: nothing is lost, doubled, late for ever, or undone.

`CLOUDHALL_CAMPAIGN=whole` lives 24 hours, else a twentieth of them with the same jumps; `CLOUDHALL_SEED=N` replays one.
"""

import contextlib
import datetime
import os
from collections.abc import Iterator
from itertools import pairwise

import pytest

from cloudhall.domains.market import rating
from cloudhall.domains.market.price_plan import PricePlan
from cloudhall.domains.market.rules import SHANGHAI, Period, period_at, period_of
from cloudhall.domains.market.statement import Statement
from cloudhall.kernel import archive, usage
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.tables import LIVE, Sort
from cloudhall.kernel.work import NEVER_US
from cloudhall.kernel.world import SECOND_US
from tests.e2e.soak import bills, records
from tests.kit.day import Day
from tests.kit.hall import folder

WHOLE = os.environ.get("CLOUDHALL_CAMPAIGN") == "whole"
HOURS = 24.0 if WHOLE else 1.2
SEED = int(os.environ.get("CLOUDHALL_SEED", "1"))
JUMPS = (3.0, -1.0, 5.0, -1.0, 11.0, -1.0)  # hours
MARGIN_US = 40 * 86_400 * SECOND_US


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    """Begins in the last hours of a month."""
    start = datetime.datetime(2026, 11, 30, 20, tzinfo=SHANGHAI)
    with folder() as home, contextlib.closing(Day(home, SEED, start)) as lived:
        for jump in JUMPS:
            lived.run(HOURS / len(JUMPS))
            lived.jump(jump)
        lived.log_in()
        lived.run(HOURS / 12)
        lived.settle()
        yield lived


@pytest.mark.timeout(600)
def test_sessions_and_tokens_are_good_until_their_time_and_not_after(day: Day) -> None:
    assert day.wrong == [], SEED
    assert any(c.until_us < day.machine.now_us() for c in day.credentials)
    assert any(c.until_us > day.machine.now_us() for c in day.credentials)


def test_what_was_used_is_counted_once(day: Day) -> None:
    tx, now_us = day.kernel.store.read(), day.machine.now_us()
    places = {day.kernel.tables[kind_of(day.kernel, "storage.bucket")].get(tx, id_).place for id_ in day.keys}  # type: ignore[union-attr]  # buckets stay
    found = [t for place in places for t in usage.totals(tx, place, now_us - MARGIN_US, now_us + MARGIN_US)]
    per = {"storage.requests_a": 1_000_000, "storage.requests_b": 1_000_000, "storage.sent_bytes": 1}
    counted = {(t.resource, t.meter): t.quantity // per[t.meter] for t in found if t.meter in per}
    assert counted == dict(day.used), SEED
    assert tx.execute("SELECT count(*) FROM usage_gap").fetchone()[0] == 0


def test_the_month_that_ended_is_closed_and_the_next_one_open(day: Day) -> None:
    tx, now_us = day.kernel.store.read(), day.machine.now_us()
    statements = {s.spec.period: s for s in day.kernel.tables[Statement].page(tx, LIVE, Sort(), None, 100)}
    assert set(statements) == {"2026-11", period_at(now_us)} == {"2026-11", "2026-12"}
    ended = period_of("2026-11")
    plans = day.kernel.tables[PricePlan].page(tx, LIVE, Sort(), None, 10)
    (place,) = {s.place for s in statements.values()}
    assert statements["2026-11"].status.lines == rating.lines(tx, place, plans, ended, now_us)
    assert statements["2026-11"].status.as_of_us == ended.to_us
    assert list(bills.wrong(day.kernel)) == []
    assert crossed(ended, day)


def crossed(month: Period, day: Day) -> bool:
    """Whether something was used on both sides of the month's end."""
    sql = "SELECT min(from_us) < ? AND max(to_us) > ? FROM usage WHERE meter = 'storage.requests_a'"
    return bool(day.kernel.store.read().execute(sql, (month.to_us, month.to_us)).fetchone()[0])


def test_no_row_waits_for_a_worker_that_died(day: Day) -> None:
    tx, now_us = day.kernel.store.read(), day.machine.now_us()
    rows = tx.execute("SELECT kind, id, due_us, lease_us, parked FROM work").fetchall()
    assert [row for row in rows if row[4] is not None or row[3] > now_us] == []
    assert [row for row in rows if row[2] < now_us or now_us + 7_200 * SECOND_US < row[2] < NEVER_US] == []


def test_the_log_of_events_is_whole_and_never_goes_back_in_time(day: Day) -> None:
    tx = day.kernel.store.read()
    events = day.kernel.history.after(tx, 0, 1_000_000)
    assert [e.revision for e in events] == list(range(1, len(events) + 1)), SEED
    assert all(a.at_us <= b.at_us for a, b in pairwise(events))
    assert archive.archived(tx) > 0


def test_the_audit_log_is_what_was_signed(day: Day) -> None:
    day.kernel.seal()
    assert list(records.tree(day.kernel)) == []
    signed = day.kernel.store.read().execute("SELECT size, at_us FROM audit_checkpoint ORDER BY size").fetchall()
    assert len(signed) > 1
    assert all(a[1] < b[1] for a, b in pairwise(signed))


def kind_of(kernel: Kernel, key: str) -> AnyKind:
    return kernel.registry.kind(key)
