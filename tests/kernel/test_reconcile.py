"""The loop converges whatever happens between two looks."""

import sqlite3
import time
from collections.abc import Callable

import pytest

from cloudhall.kernel import work
from cloudhall.kernel.context import Context
from cloudhall.kernel.kinds import Outcome, Ready
from cloudhall.kernel.work import LEASE_US
from cloudhall.kernel.world import SECOND_US
from tests.kernel.workshop import Engine, Part, follow, working
from tests.kit.databases import BOTH, plan_of

pytestmark = BOTH


class TestReady:
    def test_is_believed_only_of_a_pass_that_changed_nothing(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            shop.one_round()
            assert (shop.condition(engine).status, shop.condition(engine).reason) == (False, "Settling")
            assert shop.row(engine).status.speed == 0  # what was seen before the effect, not what was asked of it
            shop.one_round()
            assert shop.condition(engine).status
            assert shop.row(engine).status.speed == 5
            assert shop.passes() == 0

    def test_a_sweep_over_settled_rows_writes_nothing(self) -> None:
        with working() as shop:
            shop.engine(speed=5)
            shop.hall.settle()
            before = shop.hall.counts()
            shop.kernel.reconciler.sweep()
            assert shop.passes() == 1
            assert shop.hall.counts() == before

    def test_what_changes_now_does_not_wait_behind_a_sweep(self) -> None:
        with working() as shop:
            kernel, kind = shop.kernel, Engine.meta.key
            swept = [(kind, f"en-{n:017d}", n) for n in range(1_000)]
            insert = "INSERT INTO work (kind, id, due_us) VALUES (?, ?, ?)"
            shop.hall.write(lambda tx: tx.executemany(insert, swept))
            now_us = kernel.world.now_us()
            shop.hall.write(lambda tx: work.due_now(tx, kind, "en-new", now_us))
            for room in (10, 11):
                claims = shop.hall.write(lambda tx, room=room: work.claim(tx, "w", now_us, {kind: room}, kernel.world))
                assert len({c.id for c in claims}) == len(claims) == room
                assert ("en-new" in {c.id for c in claims}) == (room == 10)
                assert {c.id for c in claims} & {id_ for _, id_, _ in swept[:20]}

    def test_a_sweep_finds_what_the_log_missed(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            shop.hall.settle()
            shop.hall.write(lambda tx: tx.execute("DELETE FROM work"))
            shop.motors.speeds[engine] = 1
            assert shop.passes() == 0
            shop.kernel.reconciler.sweep()
            shop.passes()
            assert shop.motors.speeds[engine] == 5

    def test_next_s_brings_another_look(self) -> None:
        def looks(e: Engine, ctx: Context) -> Outcome:
            follow(e, ctx)
            return Ready(next_s=300)

        with working(looks) as shop:
            engine = shop.engine(speed=5)
            shop.passes()
            shop.motors.speeds[engine] = 1
            shop.world.advance(299)
            assert shop.passes() == 0
            shop.world.advance(2)
            assert shop.passes() == 2
            assert shop.motors.speeds[engine] == 5


class TestWakes:
    def test_one_during_a_pass_is_not_lost_and_what_was_seen_is_written(self) -> None:
        edits = iter([7, 8])

        def edited_meanwhile(e: Engine, ctx: Context) -> Outcome:
            outcome = follow(e, ctx)
            if (speed := next(edits, None)) is not None:
                shop.do(Engine, "update", target=e.id, spec={"speed": speed})
            return outcome

        with working(edited_meanwhile) as shop:
            engine = shop.engine(speed=5)
            shop.one_round()
            assert not shop.condition(engine).status
            assert shop.condition(engine).observed_generation == 1
            assert shop.row(engine).spec.speed == 7
            shop.one_round()
            assert shop.row(engine).status.speed == 5
            shop.passes()
            assert (shop.motors.speeds[engine], shop.row(engine).status.speed) == (8, 8)
            assert shop.row(engine).ready

    def test_under_forty_edits_every_pass_is_kept(self) -> None:
        seen: list[int] = []

        def edited(e: Engine, ctx: Context) -> Outcome:
            outcome = follow(e, ctx)
            if e.spec.speed < 40:
                shop.do(Engine, "update", target=e.id, spec={"speed": e.spec.speed + 1})
            seen.append(e.status.speed)
            return outcome

        with working(edited) as shop:
            engine = shop.engine(speed=0)
            shop.passes()
            assert seen[:5] == [0, 0, 1, 2, 3]
            assert shop.row(engine).status.speed == 40
            assert shop.row(engine).ready

    def test_an_owner_is_woken_when_a_child_goes(self) -> None:
        looks: list[int] = []

        def counts(e: Engine, ctx: Context) -> Outcome:
            looks.append(len(ctx.children(Part)))
            return Ready()

        with working(counts) as shop:
            part = shop.part(shop.engine())
            shop.passes()
            shop.do(Part, "delete", target=part)
            shop.passes()
            assert looks == [1, 0]


class TestFence:
    def test_a_pass_that_was_overtaken_writes_nothing(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            (slow,) = shop.kernel.reconciler._claim()
            shop.world.advance(LEASE_US / SECOND_US + 1)
            shop.hall.settle()
            before = shop.hall.counts()["event"]
            shop.motors.speeds[engine] = 1
            shop.kernel.reconciler.run_pass(slow)
            assert shop.hall.counts()["event"] == before
            assert shop.row(engine).ready

    def test_a_row_is_removed_once_and_its_room_given_back_once(self) -> None:
        with working() as shop:
            shop.engine("other", speed=2_000)
            engine = shop.engine(speed=3_000)
            shop.hall.settle()
            shop.do(Engine, "delete", target=engine)
            shop.motors.speeds[engine] = 0
            (slow,) = shop.kernel.reconciler._claim()
            shop.world.advance(LEASE_US / SECOND_US + 1)
            (fast,) = shop.kernel.reconciler._claim()
            for claim in (slow, fast):
                shop.kernel.reconciler.run_pass(claim)
            shop.kernel.reconciler.run_pass(fast)
            assert shop.hall.one("SELECT count(*) FROM event WHERE verb = 'remove'") == 1
            assert shop.hall.one("SELECT used FROM quota WHERE key = 'speed'") == 2_000

    def test_it_grows_with_each_claim_and_not_with_a_wake(self) -> None:
        fences: list[int] = []

        def kept(_e: Engine, ctx: Context) -> Outcome:
            fences.append(ctx.fence)
            return Ready()

        with working(kept) as shop:
            engine = shop.engine()
            for speed in (1, 2, 3):
                shop.do(Engine, "update", target=engine, spec={"speed": speed})
            shop.passes()
            shop.do(Engine, "update", target=engine, spec={"speed": 4})
            shop.passes()
            assert fences == [1, 2]


class TestDeletion:
    def test_leaves_neither_row_nor_room_nor_work(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            shop.hall.settle()
            shop.do(Engine, "delete", target=engine)
            shop.hall.settle()
            assert shop.motors.speeds[engine] == 0
            assert shop.kernel.count(shop.developer, Engine) == 0
            assert shop.hall.one("SELECT used FROM quota WHERE key = 'speed'") == 0
            assert shop.hall.counts()["work"] == 0

    def test_is_believed_only_of_a_pass_that_changed_nothing(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            shop.hall.settle()
            shop.do(Engine, "delete", target=engine)
            assert [shop.one_round(), shop.kernel.count(shop.developer, Engine)] == [1, 1]
            assert [shop.one_round(), shop.kernel.count(shop.developer, Engine)] == [1, 0]

    def test_an_edit_during_the_last_pass_is_looked_at_before_the_row_goes(self) -> None:
        edits = iter([{"target": "motor", "args": {}}])

        def finalize(_e: Engine, _ctx: Context) -> Outcome:
            if (edit := next(edits, None)) is not None:
                shop.do(Engine, "brake", **edit)
            return Ready()

        with working(finalize=finalize) as shop:
            shop.do(Engine, "delete", target=shop.engine(speed=5))
            assert shop.passes() == 2
            assert shop.hall.one("SELECT used FROM quota WHERE key = 'speed'") == 0
            assert shop.hall.counts()["work"] == 0


class TestThreads:
    @staticmethod
    def eventually(holds: Callable[[], bool]) -> None:
        ends = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < ends
            time.sleep(0.01)

    def test_run_what_is_due_and_go_on_after_a_full_disk(self) -> None:
        with working() as shop:
            full = [False]

            def fault(point: str) -> None:
                if full[0] and point == "store.commit:before":
                    raise sqlite3.OperationalError("database or disk is full")

            shop.world.fault = fault
            shop.kernel.reconciler.start()
            engine = shop.engine(speed=5)
            self.eventually(lambda: shop.row(engine).ready)
            shop.motors.speeds[engine] = 1
            shop.hall.write(lambda tx: work.due_now(tx, Engine.meta.key, engine, shop.world.now_us()))
            full[0] = True
            shop.kernel.reconciler._wake.set()
            time.sleep(0.1)
            full[0] = False
            shop.world.advance(LEASE_US / SECOND_US + 1)
            shop.kernel.reconciler._wake.set()
            self.eventually(lambda: shop.motors.speeds[engine] == 5)
            self.eventually(lambda: shop.row(engine).ready)
            shop.kernel.reconciler.stop()

    def test_a_row_whose_pass_was_lost_is_tried_again_before_its_lease_is_over(self) -> None:
        with working() as shop:
            lost: list[str] = []

            def fault(point: str) -> None:
                if point == "store.commit:before" and shop.kernel.reconciler._scribe._busy and not lost:
                    lost.append(point)
                    raise sqlite3.OperationalError("database or disk is full")

            shop.world.fault = fault
            shop.kernel.reconciler.start()
            engine = shop.engine(speed=5)
            self.eventually(lambda: bool(lost))
            shop.world.advance(3)  # longer than the pause after a first try, shorter than a lease
            self.eventually(lambda: shop.row(engine).ready)
            shop.kernel.reconciler.stop()

    def test_a_start_takes_over_what_a_killed_process_held(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            assert len(shop.kernel.reconciler._claim()) == 1
            assert shop.passes() == 0
            shop.kernel.reconciler.start()
            self.eventually(lambda: shop.row(engine).ready)
            shop.kernel.reconciler.stop()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM work WHERE kind = 'a' AND due_us <= 1 AND lease_us <= 1 AND parked IS NULL ORDER BY due_us",
        "SELECT due_us FROM work WHERE kind = 'a' AND parked IS NULL AND lease_us <= 1 ORDER BY due_us LIMIT 1",
    ],
)
def test_looking_for_work_reads_an_index_from_its_beginning(sql: str) -> None:
    with working() as shop:
        plan = plan_of(shop.hall.kernel.store, sql)
        assert "work_kind_due" in plan.walks
        assert not plan.sorts
