"""A loop that cannot converge says so: what failed, what never settles, who must act."""

from cloudhall.kernel import work
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.kinds import Blocked, Outcome, Ready, Wait
from cloudhall.kernel.text import T
from cloudhall.kernel.verdicts import EFFECTS_MAX
from cloudhall.kernel.wire import state_of, to_wire
from cloudhall.kernel.work import TRIES_MAX
from cloudhall.kernel.world import SECOND_US
from tests.kernel.workshop import MOTORS, Engine, well_behaved, working
from tests.kit.databases import BOTH

pytestmark = BOTH

DOWN = T("电机没有应答", "The motor does not answer")


def fails(_e: Engine, _ctx: Context) -> Outcome:
    raise Unavailable(DOWN)


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
                assert shop.one_round() == 1
            assert max(waited) <= work.BACKOFF_CAP_S
            assert max(waited) > 60
            assert shop.hall.one("SELECT parked FROM work") == "UNAVAILABLE"
            assert (shop.condition(engine).reason, shop.condition(engine).text) == ("UNAVAILABLE", DOWN)
            assert state_of(shop.row(engine)) == "failed"
            shop.world.advance(86_400)
            assert shop.one_round() == 0

    def test_a_parked_row_is_tried_again_when_somebody_acts(self) -> None:
        with working(fails) as shop:
            engine = shop.engine()
            shop.hall.settle(within_s=TRIES_MAX * work.BACKOFF_CAP_S)
            assert shop.hall.one("SELECT parked FROM work") is not None
            with well_behaved():
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
            with well_behaved():
                assert shop.one_round() == 0
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
            shop.one_round()
            assert shop.hall.one("SELECT parked FROM work") is None
            assert shop.one_round() == 1

    def test_a_fault_of_the_author_is_a_reason_too(self) -> None:
        def typo(_e: Engine, _ctx: Context) -> Outcome:
            raise KeyError("speeed")

        with working(typo) as shop:
            engine = shop.engine()
            shop.one_round()
            assert shop.condition(engine).reason == "KeyError"
            assert "speeed" in shop.condition(engine).text.zh


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
            assert shop.condition(engine, "Stalled").reason == "Spinning"
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
            shop.passes()
            shop.hall.settle(within_s=5)

    def test_says_that_a_kind_never_settles(self) -> None:
        def restless(e: Engine, ctx: Context) -> Outcome:
            ctx.use(MOTORS).turn(e.id, ctx.fence)
            return Ready()

        with working(restless) as shop:
            engine = shop.engine()
            assert shop.passes() == EFFECTS_MAX + 1
            assert shop.hall.one("SELECT parked FROM work") == "NeverSettles"
            assert shop.condition(engine, "Stalled").reason == "NeverSettles"
            with well_behaved():
                shop.do(Engine, "update", target=engine, spec={"speed": 3})
                shop.passes()
            assert state_of(shop.row(engine)) == "ready"


class TestBlocked:
    @staticmethod
    def blocked(_e: Engine, _ctx: Context) -> Outcome:
        return Blocked("NoOil", T("没有油", "no oil"))

    def test_needs_attention_and_is_left_alone_until_somebody_acts(self) -> None:
        with working(self.blocked) as shop:
            engine = shop.engine()
            assert shop.passes() == 1
            assert state_of(shop.row(engine)) == "attention"
            shop.world.advance(86_400)
            assert shop.passes() == 0
            shop.do(Engine, "update", target=engine, spec={"speed": 3})
            assert state_of(shop.row(engine)) == "working"
            assert shop.passes() == 1

    def test_a_deletion_that_waits_for_somebody_says_so(self) -> None:
        with working(finalize=self.blocked) as shop:
            engine = shop.engine()
            shop.do(Engine, "delete", target=engine)
            assert state_of(shop.row(engine)) == "deleting"
            shop.passes()
            assert state_of(shop.row(engine)) == "attention"
            ready = next(c for c in to_wire(shop.row(engine))["conditions"] if c["type"] == "Ready")
            assert (ready["reason"], ready["message"]["zh"]) == ("NoOil", "没有油")
