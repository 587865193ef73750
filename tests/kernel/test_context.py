"""What a controller holds during a pass: conditions, effects, and others' resources made once."""

from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.kinds import Outcome, Ready
from cloudhall.kernel.text import T
from tests.kernel.workshop import Engine, Part, PartSpec, working
from tests.kit.databases import BOTH

pytestmark = BOTH

DOWN = T("电机没有应答", "The motor does not answer")


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
                shop.passes()
                since.append(shop.condition(engine, "Cool").since_us)
                shop.do(Engine, "update", target=engine, spec={"speed": speed})
                shop.world.advance(10)
            shop.passes()
            assert since[0] == since[1] < since[2] == since[3]
            cool = shop.condition(engine, "Cool")
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
            shop.one_round()
            outcome = shop.kernel.audit.search(shop.hall.read(), resource=engine, limit=1)[0].leaf
            assert (outcome.phase, outcome.reason) == ("outcome", "Unavailable")

    def test_what_a_controller_creates_it_creates_once_even_after_days(self) -> None:
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
