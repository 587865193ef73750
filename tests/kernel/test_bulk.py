"""Bulk changes: what was shown is what is done, or nothing is."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest

from cloudhall.kernel import bulk
from cloudhall.kernel.batches import Outcomes
from cloudhall.kernel.bulk import Bulk, Foreseen
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid
from cloudhall.kernel.requests import KEPT_US
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.world import SECOND_US
from tests.kernel.workshop import Engine, Part, Permit, Shop, working
from tests.kit.databases import BOTH

pytestmark = BOTH

SLOW = Where("name LIKE ?", ("slow%",))


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def asked(verb: Literal["delete", "update"] = "delete", where: Where = SLOW, **what: Any) -> Bulk:
    return Bulk(kind=Engine, where=where, verb=verb, **what)


def foreseen(shop: Shop, what: Bulk, caller: Caller | None = None) -> Foreseen:
    return bulk.foresee(shop.kernel, caller or shop.developer, what).result(10)


def run(shop: Shop, what: Bulk, token: str, caller: Caller | None = None, key: str = "") -> Outcomes:
    return bulk.execute(shop.kernel, caller or shop.developer, what, token, key=key, asked=token).result(10)


def changed(shop: Shop, what: Bulk, token: str) -> Conflict:
    before = shop.hall.counts()
    with pytest.raises(Conflict) as refused:
        run(shop, what, token)
    assert refused.value.reason == "PLAN_CHANGED"
    assert shop.hall.counts() == before
    return refused.value


def test_a_plan_says_what_goes_what_goes_too_and_what_is_blocked_and_changes_nothing(shop: Shop) -> None:
    one, two = shop.engine("slow-1"), shop.engine("slow-2")
    shop.engine("fast")
    part = shop.part(one)
    shop.do(Permit, "create", name="permit", spec={"engine": two})
    before = shop.hall.counts()
    plan = foreseen(shop, asked())
    assert [r.name for r in plan.rows] == ["slow-2", "slow-1"]
    blocked, going = plan.outcomes.items
    assert (type(blocked.error), blocked.error and blocked.error.reason) == (Conflict, "BLOCKED_BY")
    assert going.plan is not None
    assert [r.id for r in going.plan.goes_too] == [part]
    assert shop.hall.counts() == before | {"request_key": before["request_key"] + 1}
    assert foreseen(shop, asked()).token == plan.token


def test_what_was_shown_is_done(shop: Shop) -> None:
    one, two, fast = shop.engine("slow-1"), shop.engine("slow-2"), shop.engine("fast")
    shop.do(Permit, "create", name="permit", spec={"engine": two})
    outcomes = run(shop, asked(), foreseen(shop, asked()).token)
    assert [o.body and o.body["name"] for o in outcomes.items] == [None, "slow-1"]
    assert outcomes.refused == 1
    going = {id_: shop.row(id_).deleting_us is not None for id_ in (one, two, fast)}
    assert going == {one: True, two: False, fast: False}


def add_one(shop: Shop) -> None:
    shop.engine("slow-9")


def take_one(shop: Shop) -> None:
    shop.do(Engine, "update", target="slow-1", name="fast-1")


def edit_one(shop: Shop) -> None:
    shop.do(Engine, "update", target="slow-1", spec={"speed": 7})


def block_one(shop: Shop) -> None:
    shop.do(Permit, "create", name="permit", spec={"engine": "slow-1"})


def hang_on(shop: Shop) -> None:
    shop.do(Part, "create", name="part", spec={"engine": "slow-1"})


@pytest.mark.parametrize(
    ("meanwhile", "added", "gone", "different"),
    [
        (add_one, ["slow-9"], [], []),
        (take_one, [], ["slow-1"], []),
        (edit_one, [], [], ["slow-1"]),
        (block_one, [], [], ["slow-1"]),
        (hang_on, ["part"], [], []),
    ],
)
def test_what_changed_since_is_named_and_nothing_done(
    shop: Shop, meanwhile: Callable[[Shop], None], added: list[str], gone: list[str], different: list[str]
) -> None:
    shop.engine("slow-1")
    shop.engine("slow-2")
    token = foreseen(shop, asked()).token
    meanwhile(shop)
    error = changed(shop, asked(), token)
    assert error.details == {"added": added, "gone": gone, "changed": different}
    assert all(name in error.text.en and name in error.text.zh for name in (*added, *gone, *different))


def test_what_a_controller_sees_meanwhile_is_in_nobodys_way(shop: Shop) -> None:
    id_ = shop.engine("slow-1")
    token = foreseen(shop, asked()).token
    revision = shop.row(id_).revision
    shop.hall.settle()
    assert shop.row(id_).revision > revision
    assert run(shop, asked(), token).refused == 0


def test_a_token_is_for_one_change_and_known_for_a_day(shop: Shop) -> None:
    shop.engine("slow-1")
    token = foreseen(shop, asked("update", labels={"a": "1"})).token
    assert changed(shop, asked("update", labels={"a": "2"}), token).details["changed"] == []
    shop.engine("slow-2")
    shop.world.advance(KEPT_US / SECOND_US + 1)
    assert changed(shop, asked("update", labels={"a": "1"}), token).details == {}
    changed(shop, asked(), "no such token")


def test_labels_are_merged_and_taken_off(shop: Shop) -> None:
    for n in (1, 2):
        shop.do(Engine, "create", name=f"slow-{n}", labels={"old": "1", "team": "x"}, spec={"serial": str(n)})
    what = asked("update", labels={"team": "y", "old": None})
    outcomes = run(shop, what, foreseen(shop, what).token)
    assert [o.body and o.body["labels"] for o in outcomes.items] == [{"team": "y"}] * 2


def test_who_may_not_is_told_in_the_plan_and_denied_in_the_log(shop: Shop) -> None:
    shop.engine("slow-1")
    viewer = shop.hall.staff["viewer"]
    plan = foreseen(shop, asked(), viewer)
    assert isinstance(plan.outcomes.items[0].error, Forbidden)
    leaves = shop.hall.counts()["audit_leaf"]
    assert isinstance(run(shop, asked(), plan.token, viewer).items[0].error, Forbidden)
    assert shop.hall.counts()["audit_leaf"] == leaves + 1


def test_what_is_hidden_is_not_chosen(shop: Shop) -> None:
    shop.engine("slow-1")
    assert foreseen(shop, asked(), shop.hall.nobody).rows == ()


def test_what_goes_already_is_not_chosen_again(shop: Shop) -> None:
    shop.do(Engine, "delete", target=shop.engine("slow-1"))
    assert foreseen(shop, asked()).rows == ()


def test_a_key_gets_the_first_answer_though_the_plan_is_past(shop: Shop) -> None:
    shop.engine("slow-1")
    token = foreseen(shop, asked()).token
    first, again = run(shop, asked(), token, key="k"), run(shop, asked(), token, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert [o.body for o in first.items] == [o.body for o in again.items]


def test_too_many_are_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(2):
        shop.engine(f"slow-{n}")
    monkeypatch.setattr(bulk, "ITEMS_MAX", 1)
    with pytest.raises(Invalid) as refused:
        foreseen(shop, asked())
    assert [(p.code, p.pointer) for p in refused.value.problems] == [("TOO_MANY", "?")]
