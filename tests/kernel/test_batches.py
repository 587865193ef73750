"""Batches: each item as if it came alone, all of them durable at once, and an atomic one whole or not at all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import batches
from cloudhall.kernel.batches import ITEMS_MAX, Batch, Item, Outcomes
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import CloudhallError, Conflict, Forbidden, Invalid, Problem, QuotaExceeded
from cloudhall.kernel.text import T
from tests.kernel.workshop import Engine, Shop, working
from tests.kit.databases import BOTH
from tests.kit.hall import Hall
from tests.kit.writer import held

pytestmark = BOTH


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def engines(shop: Shop, *names: str, **spec: Any) -> tuple[Item, ...]:
    return tuple(
        Item(Command(kind=Engine, verb="create", place=shop.project, name=n, spec={"serial": n, "speed": 1, **spec}))
        for n in names
    )


def run(shop: Shop, items: tuple[Item, ...], caller: Caller | None = None, **how: Any) -> Outcomes:
    batch = Batch(items=items, asked=[str(i.command.name) for i in items], **how)
    return batches.execute(shop.kernel, caller or shop.developer, batch).result(10)


def refusal(shop: Shop, items: tuple[Item, ...], caller: Caller | None = None, **how: Any) -> CloudhallError:
    with pytest.raises(CloudhallError) as refused:
        run(shop, items, caller, **how)
    return refused.value


def names(shop: Shop) -> set[str]:
    return {r.name for r in shop.kernel.page(shop.developer, Engine)}


def of(outcomes: Outcomes) -> list[str]:
    return [o.body["name"] if o.body else type(o.error).__name__ for o in outcomes.items]


def test_what_goes_goes_and_the_rest_says_why(shop: Shop) -> None:
    shop.engine("there")
    outcomes = run(shop, engines(shop, "one", "there", "one", "two"))
    assert of(outcomes) == ["one", "Invalid", "Invalid", "two"]
    assert (outcomes.refused, outcomes.replayed) == (2, False)
    error = outcomes.items[1].error
    assert error is not None
    assert [(p.code, p.pointer) for p in error.problems] == [("TAKEN", "/name"), ("TAKEN", "/spec/serial")]
    assert names(shop) == {"there", "one", "two"}


def test_each_item_has_its_own_event_leaf_and_work(shop: Shop) -> None:
    before = shop.hall.counts()
    outcomes = run(shop, engines(shop, "one", "two", "BAD", "three"))
    now = shop.hall.counts()
    grown = {t: now[t] - before[t] for t in ("event", "audit_leaf", "work", Engine.meta.table)}
    assert set(grown.values()) == {3}
    revisions = [o.body["revision"] for o in outcomes.items if o.body]
    assert revisions == sorted(set(revisions))
    shop.hall.settle()
    assert all(shop.row(o.body["id"]).ready for o in outcomes.items if o.body)


def test_atomic_names_every_problem_and_leaves_nothing(shop: Shop) -> None:
    shop.engine("there")
    before = shop.hall.counts()
    items = (*engines(shop, "one", "there", "Bad"), *engines(shop, "two", sped=3))
    error = refusal(shop, items, atomic=True, key="k")
    assert isinstance(error, Invalid)
    assert {p.pointer for p in error.problems} == {
        "/items/1/name",
        "/items/1/spec/serial",
        "/items/2/name",
        "/items/3/spec/sped",
    }
    assert shop.hall.counts() == before
    assert run(shop, engines(shop, "one", "two"), atomic=True, key="k").refused == 0


def test_an_atomic_batch_is_refused_for_what_is_mended_first(shop: Shop) -> None:
    shop.engine("old")
    shop.engine("new")
    doomed = tuple(Item(Command(kind=Engine, verb="brake", target=t, args={})) for t in ("old", "old"))
    error = refusal(shop, doomed, atomic=True)
    assert (type(error), error.reason, [p.pointer for p in error.problems]) == (Conflict, "NOT_NOW", ["/items/1"])
    assert not shop.row(shop.kernel.find(shop.developer, Engine, "old").id).spec.braked


def test_a_quota_holds_for_the_sum(hall: Hall) -> None:
    project, developer = hall.project(), hall.staff["developer"]
    spec = {"quota_gib": 1, "grade": "open"}
    items = tuple(
        Item(Command(kind=Bucket, verb="create", place=project, name=f"big-{n}", spec=spec)) for n in range(2)
    )
    room = hall.kernel.plan(developer, items[0].command).charges[0].room
    spec["quota_gib"] = room // 2 + 1
    dry = batches.execute(hall.kernel, developer, Batch(items=items, dry=True)).result(10)
    assert [type(o.error) for o in dry.items] == [type(None), QuotaExceeded]
    real = batches.execute(hall.kernel, developer, Batch(items=items)).result(10)
    assert [type(o.error) for o in real.items] == [type(None), QuotaExceeded]
    assert hall.one("SELECT used FROM quota WHERE place = ? AND key = 'storage_gib'", project) == room // 2 + 1


def test_a_dry_run_decides_the_same_and_leaves_nothing(shop: Shop) -> None:
    shop.engine("there")
    before = shop.hall.counts()
    items = engines(shop, "one", "there", "one")
    dry = run(shop, items, dry=True, key="k")
    assert shop.hall.counts() == before
    assert [type(o.error) for o in dry.items] == [type(o.error) for o in run(shop, items).items]
    assert dry.items[0].plan is not None


def test_a_denial_is_in_the_log_once_and_the_dry_run_of_one_is_not(shop: Shop) -> None:
    denials = "SELECT count(*) FROM audit_leaf WHERE decision = 'denied'"
    viewer = shop.hall.staff["viewer"]
    for atomic in (False, True):
        before = shop.hall.one(denials)
        run(shop, engines(shop, "one", "two"), viewer, dry=True)
        assert shop.hall.one(denials) == before
        if atomic:
            assert isinstance(refusal(shop, engines(shop, "one", "two"), viewer, atomic=True), Forbidden)
        else:
            assert of(run(shop, engines(shop, "one", "two"), viewer)) == ["Forbidden", "Forbidden"]
        assert shop.hall.one(denials) == before + 2


def test_a_key_gets_every_outcome_again_with_secrets_and_refusals(hall: Hall) -> None:
    project, developer = hall.project(), hall.staff["developer"]
    hall.do(developer, Bucket, "create", place=project, name="stats", spec={"quota_gib": 1, "grade": "open"})
    items = tuple(
        Item(Command(kind=AccessKey, verb="create", place=project, name=n, spec={"bucket": "stats"}))
        for n in ("one", "one", "two")
    )
    batch = Batch(items=items, key="k", asked="these")
    first, again = (batches.execute(hall.kernel, developer, batch).result(10) for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    assert [o.body for o in again.items] == [o.body for o in first.items]
    assert all("secret" in o.body for o in again.items if o.body)
    told = [(type(o.error), o.error.text, o.error.problems, o.error.how) for o in first.items if o.error]
    assert told == [(type(o.error), o.error.text, o.error.problems, o.error.how) for o in again.items if o.error]
    assert hall.kernel.count(developer, AccessKey) == 2
    other = Batch(items=items, key="k", asked="those")
    with pytest.raises(Conflict) as reused:
        batches.execute(hall.kernel, developer, other).result(10)
    assert reused.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_what_a_face_found_refuses_its_item_with_what_lies_behind(shop: Shop) -> None:
    found = Problem("UNKNOWN", "/nmae", T("没有", "No such field"))
    good, bad = engines(shop, "one", "Bad")
    outcomes = run(shop, (Item(good.command, (found,)), Item(bad.command, (found,)), *engines(shop, "two")))
    pointers = [[p.pointer for p in o.error.problems] if o.error else [] for o in outcomes.items]
    assert pointers == [["/nmae"], ["/nmae", "/name"], []]
    assert names(shop) == {"two"}


@pytest.mark.parametrize("count", [0, ITEMS_MAX + 1])
def test_a_batch_has_a_size(shop: Shop, count: int) -> None:
    error = refusal(shop, engines(shop, *(f"e-{n}" for n in range(count))))
    assert [(p.code, p.pointer) for p in error.problems] == [("COUNT", "/items")]


def test_the_largest_batch_is_made(shop: Shop) -> None:
    assert run(shop, engines(shop, *(f"e-{n}" for n in range(ITEMS_MAX)), speed=0), atomic=True).refused == 0
    assert shop.kernel.count(shop.developer, Engine) == ITEMS_MAX


def test_text_that_one_database_cannot_hold_is_refused_on_either_at_its_item(shop: Shop) -> None:
    one, odd, two = engines(shop, "one", "odd", "two")
    nul = msgspec.structs.replace(odd.command, labels={"key": "x\x00"}, spec={"serial": "\x00"})
    outcomes = run(shop, (one, Item(nul), two))
    assert of(outcomes) == ["one", "Invalid", "two"]
    assert {p.pointer for p in outcomes.items[1].error.problems} == {"/labels", "/spec/serial"}  # type: ignore[union-attr]  # refused
    assert names(shop) == {"one", "two"}


def test_a_batch_and_single_creates_of_the_same_names_make_each_once(shop: Shop) -> None:
    wanted = [f"e-{n}" for n in range(20)]

    def single(name: str) -> bool:
        command = engines(shop, name)[0].command
        return shop.kernel.execute(shop.developer, command).exception(10) is None

    with ThreadPoolExecutor(9) as pool:
        with held(shop.kernel.store):
            several = [pool.submit(run, shop, engines(shop, *wanted)) for _ in range(3)]
            alone = [pool.submit(single, name) for name in wanted[:6]]
        made = sum(20 - f.result().refused for f in several) + sum(f.result() for f in alone)
    assert made == 20
    assert names(shop) == set(wanted)
