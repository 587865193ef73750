"""A slow engine holds nobody up: each kind has its own threads, its own rate, and an end of patience."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import verdicts, work
from cloudhall.kernel.context import Context
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Outcome, Ready
from cloudhall.kernel.lanes import AHEAD_MAX, HUNG_US, Lane
from cloudhall.kernel.passes import Pass
from cloudhall.kernel.reconcile import Reconciler
from cloudhall.kernel.store import Tx
from cloudhall.kernel.wire import state_of
from cloudhall.kernel.work import LEASE_US, Claim
from cloudhall.kernel.world import SECOND_US
from tests.kernel.workshop import Engine, Shop, follow, working
from tests.kit.databases import BOTH

SOON_S = 10


def eventually(holds: Callable[[], object]) -> None:
    ends = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


class Hanging:
    """A controller that does not come back before it is let go."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.most = 0
        self.over = threading.Event()

    def __call__(self, e: Engine, ctx: Context) -> Outcome:
        self.inside.append(e.id)
        self.most = max(self.most, len(self.inside))
        self.over.wait(3 * SOON_S)
        self.inside.remove(e.id)
        return follow(e, ctx)


@contextmanager
def hanging() -> Iterator[tuple[Shop, Hanging]]:
    """A workshop that runs and whose engines hang."""
    controller = Hanging()
    with working(controller) as shop:
        shop.kernel.reconciler.start()
        try:
            yield shop, controller
        finally:
            controller.over.set()
            shop.kernel.reconciler.stop()


def bucket(shop: Shop, name: str) -> str:
    spec = {"quota_gib": 1, "grade": "open"}
    return str(shop.do(Bucket, "create", name=name, place="monitoring", spec=spec)["id"])


@BOTH
class TestHanging:
    def test_controllers_hold_no_other_kind_up_and_run_at_once_as_declared(self) -> None:
        with hanging() as (shop, controller):
            for n in range(10):
                shop.engine(f"engine-{n}")
            eventually(lambda: len(controller.inside) == Engine.meta.at_once)
            made = [bucket(shop, f"bucket-{n}") for n in range(5)]
            eventually(lambda: all(shop.hall.row(Bucket, id_).ready for id_ in made))
            assert controller.most == Engine.meta.at_once == 4
            controller.over.set()
            eventually(lambda: shop.kernel.count(shop.developer, Engine) == 10)
            eventually(lambda: not shop.hall.one("SELECT count(*) FROM work WHERE lease_us > 0"))

    def test_rows_are_kept_while_their_passes_run(self) -> None:
        with hanging() as (shop, controller):
            engine = shop.engine(speed=5)
            eventually(lambda: controller.inside)
            for _ in range(4):
                shop.world.advance(LEASE_US * 0.6 / SECOND_US)
                shop.kernel.reconciler._wake.set()
                held_us = shop.world.now_us()
                eventually(lambda: shop.hall.one("SELECT lease_us FROM work") > held_us)  # noqa: B023  at once
            controller.over.set()
            eventually(lambda: shop.row(engine).ready)
            assert shop.hall.one("SELECT fence FROM work") == 2  # looked, settled

    def test_passes_without_an_end_are_tried_again_and_say_so(self) -> None:
        with hanging() as (shop, controller):
            engine = shop.engine(speed=5)
            eventually(lambda: controller.inside)
            shop.world.advance(HUNG_US / SECOND_US + 1)
            shop.kernel.reconciler._wake.set()
            eventually(lambda: shop.row(engine).condition("Ready"))
            assert shop.condition(engine).text.en == "No answer within 300 s"
            assert state_of(shop.row(engine)) == "failed"
            controller.over.set()

            def ready_later() -> bool:
                shop.world.advance(1)
                shop.kernel.reconciler._wake.set()
                return shop.row(engine).ready

            eventually(ready_later)


@BOTH
class TestWorkers:
    def test_a_crashed_one_is_followed_by_another_when_its_lease_is_over(self) -> None:
        with working() as shop:
            engine = shop.engine(speed=5)
            assert len(Reconciler(shop.kernel, "crashed")._claim()) == 1
            other = Reconciler(shop.kernel, "other")
            other.start()
            try:
                time.sleep(0.1)
                assert not shop.row(engine).ready
                shop.world.advance(LEASE_US / SECOND_US)
                other._wake.set()
                eventually(lambda: shop.row(engine).ready)
            finally:
                other.stop()

    def test_a_start_leaves_alone_what_others_hold(self) -> None:
        with working() as shop:
            shop.engine(speed=5)
            assert len(Reconciler(shop.kernel, "busy")._claim()) == 1
            shop.hall.write(lambda tx: work.release(tx, "new"))
            assert shop.hall.one("SELECT owner FROM work") == "busy"
            shop.hall.write(lambda tx: work.release(tx, "busy"))
            assert shop.hall.one("SELECT owner FROM work") == ""


class TestLane:
    @pytest.fixture
    def lane(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane]:
        monkeypatch.setattr(Engine.meta, "per_s", None)
        ran = Lane(Engine.meta, lambda _claim: None)
        yield ran
        assert ran.stop(SOON_S)

    @staticmethod
    def claims(n: int, start: int = 0) -> list[Claim]:
        return [Claim(Engine.meta.key, f"zg-{i}", 1, 1, 0, 0) for i in range(start, start + n)]

    def test_takes_ahead_what_it_would_finish_within_a_second(self, lane: Lane) -> None:
        now = SECOND_US
        assert lane.room(now) == Engine.meta.at_once
        for _ in range(100):
            (claim,) = self.claims(1)
            lane.take(claim, now)
            lane.done(claim)
        assert lane.room(now) == Engine.meta.at_once
        assert lane.room(now + SECOND_US // 2) == 200
        now += SECOND_US // 2
        for n in range(AHEAD_MAX + 100):
            lane.done(self.claims(1, n)[0])
        assert lane.room(now + SECOND_US) == AHEAD_MAX
        assert lane.room(now + 2 * SECOND_US) == Engine.meta.at_once

    def test_begins_no_more_a_second_than_declared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Engine.meta, "per_s", 2.0)
        lane = Lane(Engine.meta, lambda _claim: None)
        begun, now = 0, SECOND_US
        for _ in range(100):  # ten seconds
            for claim in self.claims(lane.room(now)):
                lane.take(claim, now)
                lane.done(claim)
                begun += 1
            now += SECOND_US // 10
        assert 18 <= begun <= 22
        assert lane.stop(SOON_S)


def test_what_a_pass_saw_is_written_though_its_neighbour_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with working(lambda e, ctx: follow(e, ctx) if e.name == "good" else Ready()) as shop:
        good, bad = shop.engine("good", speed=1), shop.engine("bad", speed=1)
        whole = verdicts.write

        def write(kernel: Kernel, tx: Tx, p: Pass) -> None:
            if p.claim.id == bad:
                raise ValueError("unfit")
            whole(kernel, tx, p)

        monkeypatch.setattr(verdicts, "write", write)
        shop.kernel.reconciler.start()
        try:
            eventually(lambda: shop.row(good).ready)
            assert not shop.row(bad).ready
        finally:
            shop.kernel.reconciler.stop()
