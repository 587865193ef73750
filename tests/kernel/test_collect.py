"""What collectors find is written whole with their position, or not at all."""

import threading
import time
from typing import Any

import pytest

from cloudhall.domains.storage import usage
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import metering, work
from cloudhall.kernel.collect import Clock, Collected, Collection, Collector
from cloudhall.kernel.errors import Invalid, Unavailable
from cloudhall.kernel.metering import Gap, Reading
from cloudhall.kernel.store import Tx, troubles
from tests.kit.databases import BOTH
from tests.kit.hall import Hall
from tests.kit.objects import OWN

pytestmark = BOTH

SUM = "storage.requests_a"


def span(n: int) -> dict[str, Any]:
    return {
        "source": "t",
        "source_id": f"{n}",
        "meter": SUM,
        "resource": "bk",
        "project": "pj",
        "from_us": n,
        "to_us": n + 1,
    }


def counting(seen: list[dict[str, Any]]) -> Collector:
    """Each turn one reading and one gap; its position counts the turns."""

    def mark(tx: Tx, n: int) -> None:
        tx.execute("INSERT INTO event_cursor VALUES (?, 0)", (f"turn-{n}",))

    def collect(c: Collection) -> Collected:
        seen.append(c.position)
        n = int(c.position.get("n", 0))
        return Collected(
            readings=(Reading(**span(n), quantity_micro=1),),
            gaps=(Gap(**span(n), cause="test"),),
            position={"n": n + 1},
            wake=(("storage.bucket", "bk"),),
            also=lambda tx: mark(tx, n),
        )

    return Collector(name="t", every_s=1, collect=collect)


def written(hall: Hall) -> tuple[int, int, int, str | None]:
    counts = hall.counts()
    position = metering.position(hall.read(), "t")
    turns = hall.one("SELECT count(*) FROM event_cursor WHERE reader LIKE 'turn-%'")
    return counts["usage"], counts["usage_gap"], turns, position


def test_each_turn_goes_on_where_the_last_one_ended(hall: Hall) -> None:
    seen: list[dict[str, Any]] = []
    for _ in range(3):
        hall.kernel.collect(counting(seen))
    assert seen == [{}, {"n": 1}, {"n": 2}]
    assert written(hall) == (3, 3, 3, '{"n":3}')
    assert work.next_due_us(hall.read(), hall.world.now_us()) is not None


def test_a_turn_that_is_not_committed_leaves_nothing_and_is_repeated(hall: Hall) -> None:
    seen: list[dict[str, Any]] = []
    hall.kernel.collect(counting(seen))

    def full(point: str) -> None:
        if point == "store.commit:before":
            raise troubles.disk_full()

    hall.world.fault = full
    with pytest.raises(Unavailable):
        hall.kernel.collect(counting(seen))
    hall.world.fault = lambda _point: None
    assert written(hall) == (1, 1, 1, '{"n":1}')
    hall.kernel.collect(counting(seen))
    assert seen[1] == seen[2] == {"n": 1}
    assert written(hall) == (2, 2, 2, '{"n":2}')


def test_a_wrong_reading_keeps_the_whole_turn_out(hall: Hall) -> None:
    def collect(_c: Collection) -> Collected:
        return Collected(readings=(Reading(**span(5) | {"to_us": 5}, quantity_micro=1),), position={"n": 1})

    with pytest.raises(Invalid):
        hall.kernel.collect(Collector(name="t", every_s=1, collect=collect))
    assert written(hall) == (0, 0, 0, None)


def test_a_collection_reads_rows_by_their_indexed_fields(hall: Hall) -> None:
    project, developer = hall.project(), hall.staff["developer"]
    for name, grade in (("one", "open"), ("two", "internal")):
        hall.do(
            developer, Bucket, "create", place=project, name=f"bucket-{name}", spec={"quota_gib": 1, "grade": grade}
        )
    collection = Collection(hall.kernel, {})
    assert [b.name for b in collection.list(Bucket, grade="internal")] == ["bucket-two"]
    assert len(collection.list(Bucket)) == 2


def test_a_clock_goes_on_after_a_failure_and_stops_when_told() -> None:
    clock, turns, enough = Clock(), [], threading.Event()

    def run() -> None:
        turns.append(time.monotonic())
        if len(turns) == 3:
            enough.set()
        raise RuntimeError("not this time")

    clock.every(0.01, "failing", run)
    assert enough.wait(10)
    clock.stop()
    ended = len(turns)
    time.sleep(0.05)
    assert len(turns) == ended


def test_an_engine_that_is_down_costs_a_turn_and_no_byte(hall: Hall) -> None:
    project, developer = hall.project(), hall.staff["developer"]
    id_ = hall.do(developer, Bucket, "create", place=project, name="stats", spec={"quota_gib": 1, "grade": "open"})[
        "id"
    ]
    hall.settle()
    hall.objects.put(OWN, "stats", "a", 1_000)
    hall.objects.down = True
    for collector in usage.COLLECTORS:
        with pytest.raises(Unavailable):
            hall.kernel.collect(collector)
    hall.objects.down = False
    hall.collect()
    hall.settle()
    row = hall.row(Bucket, id_)
    assert (row.status.stored_bytes, row.status.objects) == (1_000, 1)
