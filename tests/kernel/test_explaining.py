"""Each wait says what it waits for, since when, on whom, what was tried, when next, and what would free it."""

import pytest

from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.explaining import Explained, explain
from cloudhall.kernel.kinds import Blocked, Outcome, Ready, Status, T, Wait
from cloudhall.kernel.wire import state_of
from cloudhall.kernel.world import SECOND_US
from tests.kernel.workshop import MOTORS, Engine, Part, PartSpec, Shop, follow, well_behaved, working
from tests.kit.databases import BOTH

pytestmark = BOTH
AWAY = T("电机没有应答", "The motor does not answer")


def of(shop: Shop, engine: str) -> Explained:
    return explain(shop.kernel, shop.hall.read(), shop.row(engine))


def test_what_is_as_wished_waits_for_nothing() -> None:
    with working() as shop:
        engine = shop.engine(speed=5)
        shop.hall.settle()
        told = of(shop, engine)
        assert (told.state, told.text, told.frees, told.next_us, told.because) == ("ready", None, (), None, None)


def test_an_engine_that_is_away_is_named_with_what_was_tried() -> None:
    def away(e: Engine, ctx: Context) -> Outcome:
        ctx.use(MOTORS).turn(e.id, 1)
        return Ready()

    def fails(id: str, speed: int) -> None:
        raise Unavailable(AWAY)

    with working(away) as shop:
        shop.motors.turn = fails  # type: ignore[method-assign]  # an engine that is away
        engine = shop.engine()
        for _ in range(2):
            shop.one_round()
            shop.world.advance(5)
        told = of(shop, engine)
        assert (told.reason, told.text, told.on, told.tries) == ("UNAVAILABLE", AWAY, "port:motors", 2)
        assert [(t.call, t.outcome) for t in told.tried] == [("motors.turn", "Unavailable")] * 2
        assert told.next_us is not None
        assert told.deadline_us == shop.row(engine).created_us + 60 * SECOND_US
        assert any("the engine (motors) answers" in f.en for f in told.frees)


def test_since_follows_the_reason() -> None:
    reasons = iter(["One", "One", "Two", "Two"])

    def waits(_e: Engine, _ctx: Context) -> Outcome:
        return Wait(next(reasons), T("等", "waiting"), 5)

    with working(waits) as shop:
        engine = shop.engine()
        since = []
        for _ in range(4):
            shop.one_round()
            since.append((of(shop, engine).reason, of(shop, engine).since_us))
            shop.world.advance(5)
        assert since[0] == since[1]
        assert since[2] == since[3]
        assert since[2][1] - since[0][1] >= 10 * SECOND_US
        assert shop.condition(engine).since_us == shop.row(engine).created_us


def test_a_person_is_told_how_to_mend_it_and_a_retry_is_at_once() -> None:
    def blocked(_e: Engine, _ctx: Context) -> Outcome:
        return Blocked("NoOil", T("没有油", "no oil"), mend=T("加油", "fill it up"))

    with working(blocked) as shop:
        engine = shop.engine(speed=5)
        shop.passes()
        told = of(shop, engine)
        assert (told.on, told.next_us, told.frees[0].en) == ("people", None, "fill it up")
        with well_behaved():
            shop.do(Engine, "retry", target=engine)
            shop.hall.settle()
        assert shop.row(engine).ready
        assert shop.row(engine).generation == 1
        with pytest.raises(Conflict):
            shop.do(Engine, "retry", target=engine)


def test_a_parked_row_says_so_and_is_retried_while_it_goes_away() -> None:
    def fails(_e: Engine, _ctx: Context) -> Outcome:
        raise Unavailable(AWAY)

    with working(finalize=fails) as shop:
        engine = shop.engine(speed=5)
        shop.hall.settle()
        shop.do(Engine, "delete", target=engine)
        shop.hall.settle(within_s=30_000)
        told = of(shop, engine)
        assert (told.parked, told.next_us, told.state) == ("UNAVAILABLE", None, "failed")
        shop.do(Engine, "retry", target=engine)
        assert of(shop, engine).next_us is not None


def test_one_that_waits_for_another_tells_why_that_one_waits() -> None:
    def waits(e: Engine, ctx: Context) -> Outcome:
        first = next(x for x in ctx.list(Engine) if x.name == "first")
        if e.name == "first":
            return Blocked("NoOil", T("没有油", "no oil"))
        return follow(e, ctx) if first.ready else Wait("First", T("等第一台", "the first goes first"), on=first.id)

    with working(waits) as shop:
        first, second = shop.engine("first"), shop.engine("second")
        shop.one_round()
        told = of(shop, second)
        assert told.on == first
        assert told.because is not None
        assert (told.because.resource.id, told.because.reason, told.because.on) == (first, "NoOil", "people")
        assert told.frees[0].en == "It goes on by itself once first is ready"


def test_a_deletion_names_what_must_go_first() -> None:
    with working() as shop:
        engine = shop.engine()
        shop.hall.settle()
        shop.do(Engine, "delete", target=engine)
        spec = PartSpec(engine=engine)
        part = Part(id="zq-2jtjc8b5yx8pvqa7r", place=shop.project, name="late", spec=spec, status=Status())
        shop.hall.write(lambda tx: shop.kernel.tables[Part].insert(tx, part))
        shop.one_round()
        told = of(shop, engine)
        assert (told.reason, told.on, state_of(shop.row(engine))) == ("Children", part.id, "deleting")
        assert told.frees[0].en == "It goes on by itself once late is gone"


def test_a_missed_deadline_is_said_when_it_is_missed() -> None:
    def waits(_e: Engine, _ctx: Context) -> Outcome:
        return Wait("Spinning", T("加速中", "spinning up"), 3_600)

    with working(waits) as shop:
        engine = shop.engine()
        shop.one_round()
        shop.hall.settle(within_s=61)
        assert state_of(shop.row(engine)) == "failed"
