"""Steps of a trend add up to the period; what lies behind an amount stands in order, gaps and open levels included."""

from typing import Any

import pytest

from cloudhall.kernel import levels, metering, trends, usage, work
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.audit_search import first_at
from cloudhall.kernel.evidence import behind
from cloudhall.kernel.intervals import Span
from cloudhall.kernel.metering import METERS, Gap, MeterCursor, Reading
from cloudhall.kernel.store import Tx
from tests.kernel.test_metering import LEVEL, SUM
from tests.kit.databases import BOTH
from tests.kit.hall import Hall

pytestmark = BOTH
HOUR_US = 3_600 * 1_000_000
SPANS = [Span(n * HOUR_US, (n + 1) * HOUR_US) for n in range(4)]
WHOLE = Span(0, 4 * HOUR_US)


@pytest.fixture
def read(hall: Hall) -> Any:
    """Requests in the first and third hour, a level from the second to the third, a gap in the fourth."""

    def reading(meter: str, name: str, begin: int, end: int, quantity: int) -> Reading:
        span = {"from_us": begin * HOUR_US, "to_us": end * HOUR_US}
        body = {"source": "probe", "resource": "bk1", "project": "pr1", "quantity_micro": quantity}
        return Reading(meter=meter, source_id=name, **span, **body)  # type: ignore[arg-type]  # as the fields are

    rows = [reading(SUM, "a", 0, 1, 5), reading(SUM, "b", 2, 3, 7), reading(LEVEL, "c", 1, 3, 40)]
    gap = Gap(
        source="probe",
        source_id="d",
        meter=SUM,
        resource="bk1",
        project="pr1",
        from_us=3 * HOUR_US,
        to_us=4 * HOUR_US,
        cause="engine_killed",
    )
    cursor = MeterCursor("probe", "")
    hall.write(lambda tx: metering.record(tx, rows, [gap], cursor, now_us=4 * HOUR_US))
    return hall.read()


def test_a_sum_falls_into_the_steps_where_it_happened(read: Tx) -> None:
    found = trends.trend(read, "pr1", METERS[SUM], SPANS, WHOLE.to_us)
    assert found == {"bk1": (5, 0, 7, 0)}
    assert trends.whole(METERS[SUM], found["bk1"], SPANS) == usage.of_meter(read, "pr1", SUM, WHOLE)[0].quantity
    assert trends.amounts(read, "pr1", WHOLE, WHOLE.to_us)[SUM] == 12


def test_a_level_is_its_average_over_each_step(read: Tx) -> None:
    found = trends.trend(read, "pr1", METERS[LEVEL], SPANS, WHOLE.to_us)
    assert found == {"bk1": (0, 40, 40, 0)}
    assert trends.whole(METERS[LEVEL], found["bk1"], SPANS) == 20
    assert trends.amounts(read, "pr1", WHOLE, WHOLE.to_us)[LEVEL] == 20


def test_readings_and_gaps_stand_newest_first(read: Tx) -> None:
    found = behind(read, "pr1", SUM, "bk1", WHOLE, WHOLE.to_us, limit=10)
    assert [e.gap.cause if e.gap else e.booked and e.booked.counts_micro for e in found] == ["engine_killed", 7, 5]
    assert len(behind(read, "pr1", SUM, "bk1", WHOLE, WHOLE.to_us, limit=2)) == 2


def test_what_still_holds_counts_up_to_now(hall: Hall) -> None:
    hall.write(lambda tx: levels.set_level(tx, "probe", "bk1", LEVEL, "pr1", 8, HOUR_US))
    tx, now_us = hall.read(), 2 * HOUR_US
    assert trends.trend(tx, "pr1", METERS[LEVEL], SPANS[:2], now_us) == {"bk1": (0, 8)}
    (open_,) = behind(tx, "pr1", LEVEL, "bk1", WHOLE, now_us, limit=10)
    assert open_.still_holds


def test_the_backlog_counts_due_held_and_parked_rows(hall: Hall) -> None:
    now_us = 10 * HOUR_US
    insert = "INSERT INTO work (kind, id, due_us, lease_us, parked) VALUES (?, ?, ?, ?, ?)"
    rows = [
        ("zq.kind", "a", HOUR_US, 0, None),
        ("zq.kind", "b", HOUR_US, now_us + 1, None),
        ("zq.kind", "c", HOUR_US, 0, "broken"),
        ("zq.kind", "d", work.NEVER_US, 0, None),
    ]
    hall.write(lambda tx: tx.executemany(insert, rows))
    found = [b for b in work.backlog(hall.read(), now_us) if b.kind == "zq.kind"]
    assert found == [work.Backlog("zq.kind", 4, 1, 1, 1, HOUR_US)]
    assert [(p.id, p.reason) for p in work.parked(hall.read(), 10)] == [("c", "broken")]


def test_the_first_entry_of_a_day_is_found(hall: Hall) -> None:
    idx = hall.kernel.note(Entry(actor="pe-zq", action="session:login", phase="done")).result()
    (found,) = hall.kernel.audit.search(hall.read(), limit=1)
    assert first_at(hall.read(), found.leaf.at_us) == idx
    assert first_at(hall.read(), found.leaf.at_us + 1) is None
