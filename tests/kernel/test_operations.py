"""Long work goes on where it was after a restart, ends when it is cancelled, and is started once."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.caller import service
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import Conflict, Forbidden, Unavailable
from cloudhall.kernel.operations import LOG_LINES_MAX, WORK, Operation, Progress, Step, gather, progress_of, spawn
from cloudhall.kernel.store.tables import Sort, Where
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of, to_wire
from tests.kit.databases import BOTH
from tests.kit.hall import Hall

pytestmark = BOTH

WHAT = "test.count"
SOON_S = 5
RUNNER = service("storage.bucket")
Piece = Callable[[Operation, Context, int], Progress]


@pytest.fixture
def pieces() -> Iterator[list[tuple[str, int]]]:
    """Two steps of three pieces each; the list keeps which piece ran."""
    ran: list[tuple[str, int]] = []

    def step(name: str) -> Step:
        def run(_o: Operation, _ctx: Context, done: int) -> Progress:
            ran.append((name, done))
            return Progress(done + 1, 3, finished=done == 2, log=f"{name} {done + 1}")

        return Step(name, T(f"第{name}步", f"step {name}"), run)

    WORK[WHAT] = (step("one"), step("two"))
    yield ran
    del WORK[WHAT]


def start(hall: Hall, what: str = WHAT) -> str:
    spec = {"what": what, "target": "bk-1"}
    return str(hall.do(RUNNER, Operation, "create", place=hall.project(), name="work", spec=spec)["id"])


def operation(hall: Hall, id_: str) -> Operation:
    row = hall.row(Operation, id_)
    assert isinstance(row, Operation)
    return row


def one_round(hall: Hall) -> None:
    hall.kernel.reconciler.run_due(rounds=1)


EVERY_PIECE = [(step, n) for step in ("one", "two") for n in range(3)]


def test_steps_run_in_order_and_leave_a_log(hall: Hall, pieces: list[tuple[str, int]]) -> None:
    id_ = start(hall)
    hall.settle()
    o = operation(hall, id_)
    assert pieces == EVERY_PIECE
    assert (o.status.ended, progress_of(o)) == ("done", (2, 2))
    assert o.status.log[:3] == ["one 1", "one 2", "one 3"]
    assert re.fullmatch(r"done at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", o.status.log[-1])
    first, second = o.status.steps
    assert 0 < first.started_us < first.ended_us <= second.started_us < second.ended_us
    assert (first.done, first.total) == (3, 3)
    assert to_wire(o)["status"]["steps"][0]["title"] == {"zh": "第one步", "en": "step one"}


def test_people_see_how_far_it_is(hall: Hall, pieces: list[tuple[str, int]]) -> None:
    id_ = start(hall)
    for _ in range(4):
        one_round(hall)
    o = operation(hall, id_)
    assert (progress_of(o), o.status.steps[1].done, o.status.steps[1].total) == ((1, 2), 1, 3)
    ready = o.condition("Ready")
    assert ready is not None
    assert (state_of(o), ready.text.en) == ("working", "step two")


@pytest.mark.parametrize("after", range(8))
def test_a_restart_goes_on_where_it_was(hall: Hall, pieces: list[tuple[str, int]], after: int) -> None:
    id_ = start(hall)
    for _ in range(after):
        one_round(hall)
    hall.restart()
    hall.settle()
    assert operation(hall, id_).status.ended == "done"
    assert pieces == EVERY_PIECE


def test_a_piece_whose_end_was_not_written_runs_again(hall: Hall, pieces: list[tuple[str, int]]) -> None:
    id_ = start(hall)
    one_round(hall)
    (claim,) = hall.kernel.reconciler._claim()
    WORK[WHAT][0].run(operation(hall, id_), None, 1)  # type: ignore[arg-type]  # the piece alone, as before a kill
    assert claim.id == id_
    hall.restart()
    hall.world.advance(61)
    hall.settle()
    assert pieces == [("one", 0), ("one", 1), *EVERY_PIECE[1:]]
    assert operation(hall, id_).status.ended == "done"


def test_cancelled_it_stops_before_the_next_piece_and_keeps_what_is_done(
    hall: Hall, pieces: list[tuple[str, int]]
) -> None:
    id_ = start(hall)
    for _ in range(2):
        one_round(hall)
    hall.do(hall.staff["developer"], Operation, "cancel", target=id_, args={})
    hall.settle()
    o = operation(hall, id_)
    assert (o.status.ended, progress_of(o)) == ("cancelled", (0, 2))
    assert pieces == EVERY_PIECE[:2]
    with pytest.raises(Conflict):
        hall.do(hall.staff["developer"], Operation, "cancel", target=id_, args={})


def test_a_piece_that_fails_is_tried_again(hall: Hall, pieces: list[tuple[str, int]]) -> None:
    down = [True]
    whole = WORK[WHAT][0]

    def fails_first(o: Operation, ctx: Context, done: int) -> Progress:
        if done == 1 and down[0]:
            raise Unavailable(T("引擎没有应答", "The engine does not answer"))
        return whole.run(o, ctx, done)

    WORK[WHAT] = (Step("one", whole.title, fails_first), *WORK[WHAT][1:])
    id_ = start(hall)
    hall.settle()
    ready = operation(hall, id_).condition("Ready")
    assert ready is not None
    assert ready.reason == "UNAVAILABLE"
    down[0] = False
    hall.settle(within_s=600)
    assert operation(hall, id_).status.ended == "done"
    assert pieces == EVERY_PIECE


def test_many_pieces_are_no_sign_of_never_settling_and_the_log_stays_short(hall: Hall) -> None:
    def run(_o: Operation, ctx: Context, done: int) -> Progress:
        ctx.effects += 1
        return Progress(done + 1, None, finished=done == 299, log=f"piece {done}")

    WORK[WHAT] = (Step("all", T("全部", "all"), run),)
    id_ = start(hall)
    hall.settle()
    o = operation(hall, id_)
    assert (o.status.ended, len(o.status.log)) == ("done", LOG_LINES_MAX)
    del WORK[WHAT]


def test_work_that_this_release_does_not_know_says_so(hall: Hall) -> None:
    id_ = start(hall, what="test.forgotten")
    one_round(hall)
    ready = operation(hall, id_).condition("Ready")
    assert ready is not None
    assert "test.forgotten" in ready.text.en


@pytest.mark.parametrize("role", ["developer", "org_admin", "system_admin", "security_admin"])
def test_nobody_but_a_controller_starts_one(hall: Hall, role: str) -> None:
    what: dict[str, Any] = {"place": hall.project(), "name": "work", "spec": {"what": WHAT, "target": "bk-1"}}
    with pytest.raises(Forbidden):
        hall.do(hall.staff[role], Operation, "create", **what)


def test_nothing_waits_for_a_long_piece(hall: Hall) -> None:
    going, over = threading.Event(), threading.Event()

    def slow(_o: Operation, _ctx: Context, _done: int) -> Progress:
        going.set()
        return Progress(1, 1, finished=over.wait(2 * SOON_S))

    WORK[WHAT] = (Step("slow", T("慢", "slow"), slow),)
    start(hall)
    hall.kernel.reconciler.start()
    try:
        assert going.wait(SOON_S)
        spec = {"quota_gib": 1, "grade": "open"}
        bucket = hall.do(hall.staff["developer"], Bucket, "create", name="quick", place="monitoring", spec=spec)
        ends = time.monotonic() + SOON_S
        while not hall.row(Bucket, bucket["id"]).ready:
            assert time.monotonic() < ends
            time.sleep(0.01)
        assert not over.is_set()
    finally:
        over.set()
        hall.kernel.reconciler.stop()
        del WORK[WHAT]


class TestChildren:
    """A parent that spawns two and gathers them."""

    @pytest.fixture
    def family(self, pieces: list[tuple[str, int]]) -> Iterator[str]:
        def begin(o: Operation, ctx: Context, _done: int) -> Progress:
            for n in range(2):
                spawn(o, ctx, f"part-{n}", WHAT, f"bk-{n}")
            return Progress(1, 1, finished=True)

        WORK["test.family"] = (Step("begin", T("开始", "begin"), begin), Step("gather", T("汇总", "gather"), gather))
        yield "test.family"
        del WORK["test.family"]

    @staticmethod
    def children(hall: Hall, parent: str) -> list[Operation]:
        where = Where("spec_parent = ?", (parent,))
        return hall.kernel.tables[Operation].page(hall.read(), where, Sort(descending=False), None, 10)

    def test_are_counted_and_ended_before_it(self, hall: Hall, family: str) -> None:
        id_ = start(hall, what=family)
        for _ in range(3):
            one_round(hall)
        ready = operation(hall, id_).condition("Ready")
        assert ready is not None
        assert ready.on in {c.id for c in self.children(hall, id_)}
        assert (operation(hall, id_).status.steps[1].done, operation(hall, id_).status.steps[1].total) == (0, 2)
        assert hall.settle(within_s=1) > 0  # woken by its children, not by the clock
        o = operation(hall, id_)
        assert (o.status.ended, o.status.steps[1].done) == ("done", 2)
        assert [c.status.ended for c in self.children(hall, id_)] == ["done", "done"]

    @pytest.mark.parametrize("after", range(1, 8))
    def test_are_spawned_once_whenever_it_restarts(self, hall: Hall, family: str, after: int) -> None:
        id_ = start(hall, what=family)
        for _ in range(after):
            one_round(hall)
        hall.restart()
        hall.settle()
        assert len(self.children(hall, id_)) == 2
        assert operation(hall, id_).status.ended == "done"

    @pytest.mark.parametrize("after", range(1, 6))
    def test_are_cancelled_with_it(self, hall: Hall, family: str, after: int) -> None:
        id_ = start(hall, what=family)
        for _ in range(after):
            one_round(hall)
        hall.do(hall.staff["developer"], Operation, "cancel", target=id_, args={})
        hall.restart()
        hall.settle(within_s=1)
        assert operation(hall, id_).status.ended == "cancelled"
        assert {c.status.ended for c in self.children(hall, id_)} <= {"cancelled"}
