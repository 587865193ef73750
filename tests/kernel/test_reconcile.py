"""The loop converges whatever happens between two looks, and says when it cannot."""

import sqlite3
import time
from collections.abc import Callable

import pytest

from cloudhall.kernel import work
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.kinds import Blocked, Outcome, Ready, Wait
from cloudhall.kernel.outcomes import Condition
from cloudhall.kernel.reconcile import EFFECTS_MAX
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of, to_wire
from cloudhall.kernel.work import LEASE_US, TRIES_MAX
from cloudhall.kernel.world import SECOND_US
from tests.kernel.workshop import MOTORS, Engine, Part, Shop, follow, working

DOWN = T("电机没有应答", "The motor does not answer")


def condition(shop: Shop, engine: str, type_: str = "Ready") -> Condition:
    found = shop.row(engine).condition(type_)
    assert found is not None
    return found


def one_round(shop: Shop) -> int:
    return shop.kernel.reconciler.run_due(rounds=1)


def passes(shop: Shop) -> int:
    """Run what is due now and count."""
    return shop.kernel.reconciler.run_due()


def fails(_e: Engine, _ctx: Context) -> Outcome:
    raise Unavailable(DOWN)


class TestReady:
    def test_is_believed_only_of_a_pass_that_changed_nothing(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            one_round(shop)
            assert (condition(shop, engine).status, condition(shop, engine).reason) == (False, "Settling")
            assert shop.row(engine).status.speed == 0  # what was seen before the effect, not what was asked of it
            one_round(shop)
            assert condition(shop, engine).status
            assert shop.row(engine).status.speed == 5
            assert passes(shop) == 0

    def test_a_sweep_over_settled_rows_writes_nothing(self) -> None:
        with working() as shop:
            shop.engine(speed=5)
            shop.hall.settle()
            before = shop.hall.counts()
            shop.kernel.reconciler.sweep()
            assert passes(shop) == 1
            assert shop.hall.counts() == before

    def test_a_sweep_finds_what_the_log_missed(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            shop.hall.settle()
            shop.hall.write(lambda tx: tx.execute("DELETE FROM work"))
            shop.motors.speeds[engine] = 1
            assert passes(shop) == 0
            shop.kernel.reconciler.sweep()
            passes(shop)
            assert shop.motors.speeds[engine] == 5

    def test_next_s_brings_another_look(self) -> None:
        def looks(e: Engine, ctx: Context) -> Outcome:
            follow(e, ctx)
            return Ready(next_s=300)

        with working(looks) as shop:
            engine = shop.engine(speed=5)
            passes(shop)
            shop.motors.speeds[engine] = 1
            shop.world.advance(299)
            assert passes(shop) == 0
            shop.world.advance(2)
            assert passes(shop) == 2
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
            one_round(shop)
            assert not condition(shop, engine).status
            assert condition(shop, engine).observed_generation == 1
            assert shop.row(engine).spec.speed == 7
            one_round(shop)
            assert shop.row(engine).status.speed == 5
            passes(shop)
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
            passes(shop)
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
            passes(shop)
            shop.do(Part, "delete", target=part)
            passes(shop)
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
            passes(shop)
            shop.do(Engine, "update", target=engine, spec={"speed": 4})
            passes(shop)
            assert fences == [1, 2]


class TestFailures:
    def test_are_tried_again_later_and_later_and_parked_with_their_reason(self) -> None:
        with working(fails) as shop:
            engine = shop.engine()
            waited = []
            for _ in range(TRIES_MAX):
                due = shop.hall.one("SELECT due_us FROM work")
                now = shop.world.now_us()
                waited.append((due - now) / SECOND_US)
                shop.world.advance(max(0.0, (due - now) / SECOND_US) + 0.001)
                assert one_round(shop) == 1
            assert max(waited) <= work.BACKOFF_CAP_S
            assert max(waited) > 60
            assert shop.hall.one("SELECT parked FROM work") == "UNAVAILABLE"
            assert (condition(shop, engine).reason, condition(shop, engine).text) == ("UNAVAILABLE", DOWN)
            assert state_of(shop.row(engine)) == "failed"
            shop.world.advance(86_400)
            assert one_round(shop) == 0

    def test_a_parked_row_is_tried_again_when_somebody_acts(self) -> None:
        with working(fails) as shop:
            engine = shop.engine()
            shop.hall.settle(within_s=TRIES_MAX * work.BACKOFF_CAP_S)
            assert shop.hall.one("SELECT parked FROM work") is not None
            with working_again(shop):
                shop.do(Engine, "update", target=engine, spec={"speed": 3})
                shop.hall.settle()
            assert shop.row(engine).ready
            assert shop.row(engine).condition("Stalled") is None

    def test_a_parked_row_is_tried_again_by_the_sweep(self) -> None:
        """An engine that was away for hours parks whatever was due; when it is back nobody should have to act."""
        with working(fails) as shop:
            engine = shop.engine()
            shop.hall.settle(within_s=TRIES_MAX * work.BACKOFF_CAP_S)
            assert shop.hall.one("SELECT parked FROM work") is not None
            with working_again(shop):
                assert one_round(shop) == 0
                shop.kernel.reconciler.sweep()
                shop.hall.settle()
            assert shop.row(engine).ready
            assert shop.row(engine).condition("Stalled") is None

    def test_a_wake_during_the_last_try_is_not_parked(self) -> None:
        def fails_and_is_woken(e: Engine, _ctx: Context) -> Outcome:
            if shop.hall.one("SELECT tries FROM work") == TRIES_MAX:
                shop.do(Engine, "update", target=e.id, spec={"speed": 3})
            raise Unavailable(DOWN)

        with working(fails_and_is_woken) as shop:
            shop.engine()
            shop.hall.write(lambda tx: tx.execute("UPDATE work SET tries = ?", (TRIES_MAX - 1,)))
            one_round(shop)
            assert shop.hall.one("SELECT parked FROM work") is None
            assert one_round(shop) == 1

    def test_a_fault_of_the_author_is_a_reason_too(self) -> None:
        def typo(_e: Engine, _ctx: Context) -> Outcome:
            raise KeyError("speeed")

        with working(typo) as shop:
            engine = shop.engine()
            one_round(shop)
            assert condition(shop, engine).reason == "KeyError"
            assert "speeed" in condition(shop, engine).text.zh


class working_again:  # noqa: N801  reads as a sentence
    """Put the well-behaved controller in for a while."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def __enter__(self) -> None:
        from tests.kernel.workshop import Written

        self.before, Written.reconcile = Written.reconcile, follow

    def __exit__(self, *_: object) -> None:
        from tests.kernel.workshop import Written

        Written.reconcile = self.before


class TestStalled:
    def test_comes_after_within_s_and_is_lifted_by_itself(self) -> None:
        def slow(e: Engine, ctx: Context) -> Outcome:
            e.status.speed = ctx.use(MOTORS).speed(e.id)
            return Ready() if e.status.speed == e.spec.speed else Wait("Spinning", T("加速中", "spinning up"), 10)

        with working(slow) as shop:
            engine = shop.engine(speed=5)
            shop.hall.settle(within_s=59)
            assert state_of(shop.row(engine)) == "working"
            shop.hall.settle(within_s=20)
            assert state_of(shop.row(engine)) == "failed"
            assert condition(shop, engine, "Stalled").reason == "Spinning"
            shop.motors.speeds[engine] = 5
            shop.hall.settle(within_s=11)
            assert state_of(shop.row(engine)) == "ready"
            assert shop.row(engine).condition("Stalled") is None

    def test_a_new_wish_has_the_whole_time_again(self) -> None:
        def never(_e: Engine, _ctx: Context) -> Outcome:
            return Wait("Spinning", T("加速中", "spinning up"), 10)

        with working(never) as shop:
            engine = shop.engine(speed=5)
            shop.hall.settle(within_s=100)
            assert state_of(shop.row(engine)) == "failed"
            shop.do(Engine, "update", target=engine, spec={"speed": 6})
            shop.hall.settle(within_s=30)
            assert state_of(shop.row(engine)) == "working"
            shop.hall.settle(within_s=60)
            assert state_of(shop.row(engine)) == "failed"
            shop.do(Engine, "delete", target=engine)
            passes(shop)
            shop.hall.settle(within_s=5)

    def test_says_that_a_kind_never_settles(self) -> None:
        def restless(e: Engine, ctx: Context) -> Outcome:
            ctx.use(MOTORS).turn(e.id, ctx.fence)
            return Ready()

        with working(restless) as shop:
            engine = shop.engine()
            assert passes(shop) == EFFECTS_MAX + 1
            assert shop.hall.one("SELECT parked FROM work") == "NeverSettles"
            assert condition(shop, engine, "Stalled").reason == "NeverSettles"
            with working_again(shop):
                shop.do(Engine, "update", target=engine, spec={"speed": 3})
                passes(shop)
            assert state_of(shop.row(engine)) == "ready"


class TestBlocked:
    @staticmethod
    def blocked(_e: Engine, _ctx: Context) -> Outcome:
        return Blocked("NoOil", T("没有油", "no oil"))

    def test_needs_attention_and_is_left_alone_until_somebody_acts(self) -> None:
        with working(self.blocked) as shop:
            engine = shop.engine()
            assert passes(shop) == 1
            assert state_of(shop.row(engine)) == "attention"
            shop.world.advance(86_400)
            assert passes(shop) == 0
            shop.do(Engine, "update", target=engine, spec={"speed": 3})
            assert state_of(shop.row(engine)) == "working"
            assert passes(shop) == 1

    def test_a_deletion_that_waits_for_somebody_says_so(self) -> None:
        with working(finalize=self.blocked) as shop:
            engine = shop.engine()
            shop.do(Engine, "delete", target=engine)
            assert state_of(shop.row(engine)) == "deleting"
            passes(shop)
            assert state_of(shop.row(engine)) == "attention"
            ready = next(c for c in to_wire(shop.row(engine))["conditions"] if c["type"] == "Ready")
            assert (ready["reason"], ready["message"]["zh"]) == ("NoOil", "没有油")


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
            assert [one_round(shop), shop.kernel.count(shop.developer, Engine)] == [1, 1]
            assert [one_round(shop), shop.kernel.count(shop.developer, Engine)] == [1, 0]

    def test_an_edit_during_the_last_pass_is_looked_at_before_the_row_goes(self) -> None:
        edits = iter([{"target": "motor", "args": {}}])

        def finalize(_e: Engine, _ctx: Context) -> Outcome:
            if (edit := next(edits, None)) is not None:
                shop.do(Engine, "brake", **edit)
            return Ready()

        with working(finalize=finalize) as shop:
            shop.do(Engine, "delete", target=shop.engine(speed=5))
            assert passes(shop) == 2
            assert shop.hall.one("SELECT used FROM quota WHERE key = 'speed'") == 0
            assert shop.hall.counts()["work"] == 0


class TestConditions:
    def test_since_moves_only_when_the_truth_flips(self) -> None:
        def says(e: Engine, ctx: Context) -> Outcome:
            holds = e.spec.speed < 100
            ctx.condition("Cool", holds, "Hot", T(f"太快：{e.spec.speed}", f"too fast: {e.spec.speed}"))
            return Ready()

        with working(says) as shop:
            engine = shop.engine(speed=1)
            since = []
            for speed in (2, 200, 300, 3):
                passes(shop)
                since.append(condition(shop, engine, "Cool").since_us)
                shop.do(Engine, "update", target=engine, spec={"speed": speed})
                shop.world.advance(10)
            passes(shop)
            assert since[0] == since[1] < since[2] == since[3]
            cool = condition(shop, engine, "Cool")
            assert (cool.status, cool.reason, cool.text) == (True, "", T("", ""))
            assert cool.since_us > since[3]


class TestEffects:
    def test_each_leaves_an_intent_before_and_an_outcome_that_names_it(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            shop.hall.settle()
            found = shop.kernel.audit.search(shop.hall.read(), resource=engine)
            leaves = {f.idx: f.leaf for f in found if f.leaf.action == "port:motors.turn"}
            (intent, _), (_, outcome) = sorted(leaves.items())
            assert [leaf.phase for _, leaf in sorted(leaves.items())] == ["intent", "outcome"]
            assert (outcome.intent, outcome.reason, outcome.actor) == (intent, "ok", "service:kernel.engine")

    def test_one_that_failed_says_how(self) -> None:
        with working() as shop:

            def refuse(_id: str, _speed: int) -> None:
                raise Unavailable(DOWN)

            shop.motors.turn = refuse  # type: ignore[assignment]  # the motor is stuck
            engine = shop.engine(speed=5)
            one_round(shop)
            outcome = shop.kernel.audit.search(shop.hall.read(), resource=engine, limit=1)[0].leaf
            assert (outcome.phase, outcome.reason) == ("outcome", "Unavailable")

    def test_what_a_controller_creates_it_creates_once_even_after_days(self) -> None:
        from tests.kernel.workshop import PartSpec

        made: list[str] = []

        def builds(e: Engine, ctx: Context) -> Outcome:
            made.append(ctx.create(Part, name=f"for-{e.name}", spec=PartSpec(engine=e.id)))
            return Ready(next_s=3_600)

        with working(builds) as shop:
            shop.hall.write(
                lambda tx: tx.execute(
                    "INSERT INTO role_grant VALUES ('x', 'service:kernel.engine', 'developer', 'platform', NULL)"
                )
            )
            shop.engine()
            shop.hall.settle()
            for _ in range(30):
                shop.world.advance(3_600)
                shop.hall.settle(within_s=1)
                shop.kernel._forget()
            assert len(made) > 25
            assert len(set(made)) == 1
            assert shop.kernel.count(shop.developer, Part) == 1


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

    def test_a_start_takes_over_what_a_killed_process_held(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            assert len(shop.kernel.reconciler._claim()) == 1
            assert passes(shop) == 0
            shop.kernel.reconciler.start()
            self.eventually(lambda: shop.row(engine).ready)
            shop.kernel.reconciler.stop()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT kind, id FROM work WHERE due_us <= 1 AND lease_us <= 1 AND parked IS NULL ORDER BY due_us LIMIT 64",
        "SELECT due_us FROM work WHERE parked IS NULL AND lease_us <= 1 ORDER BY due_us LIMIT 1",
    ],
)
def test_looking_for_work_reads_an_index_from_its_beginning(sql: str) -> None:
    with working() as shop:
        plan = " ".join(row[3] for row in shop.hall.read().execute(f"EXPLAIN QUERY PLAN {sql}"))
        assert "work_due" in plan
        assert "TEMP B-TREE" not in plan
