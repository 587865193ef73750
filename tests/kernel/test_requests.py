"""A key sent twice gets the first answer again, whatever happened in between, for 24 hours."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Conflict, Invalid
from cloudhall.kernel.kernel import Answer
from cloudhall.kernel.requests import KEPT_US
from cloudhall.kernel.world import SECOND_US
from tests.kernel.workshop import Engine, Shop, working
from tests.kit.databases import BOTH
from tests.kit.writer import held

pytestmark = BOTH


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def create(shop: Shop, key: str = "k", name: str = "motor", **spec: Any) -> Command:
    return Command(
        kind=Engine, verb="create", place=shop.project, name=name, spec={"serial": name, "speed": 1, **spec}, key=key
    )


def run(shop: Shop, command: Command) -> Answer:
    return shop.kernel.execute(shop.developer, command).result(10)


def test_the_first_answer_comes_again_word_for_word(shop: Shop) -> None:
    first = run(shop, create(shop))
    shop.do(Engine, "update", target="motor", name="other", spec={"speed": 9})
    again = run(shop, create(shop))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.body == first.body
    assert shop.kernel.count(shop.developer, Engine) == 1


def test_another_request_under_the_key_is_refused(shop: Shop) -> None:
    run(shop, create(shop))
    for other in (create(shop, speed=2), create(shop, name="other")):
        with pytest.raises(Conflict) as refused:
            run(shop, other)
        assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_keys_are_each_callers_own(shop: Shop) -> None:
    run(shop, create(shop))
    colleague = shop.hall.person("developer")
    assert not shop.kernel.execute(colleague, create(shop, name="other")).result(10).replayed


def test_a_refusal_is_not_kept(shop: Shop) -> None:
    with pytest.raises(Invalid):
        run(shop, create(shop, speed=-1))
    shop.engine("motor")
    with pytest.raises(Invalid):
        run(shop, create(shop))
    shop.do(Engine, "update", target="motor", name="other", spec={"serial": "other"})
    assert not run(shop, create(shop)).replayed


@pytest.mark.parametrize(("after_s", "replayed"), [(KEPT_US / SECOND_US - 60, True), (KEPT_US / SECOND_US + 1, False)])
def test_answers_are_kept_for_a_day(shop: Shop, after_s: float, replayed: bool) -> None:
    first = run(shop, create(shop))
    shop.do(Engine, "delete", target="motor")
    shop.hall.settle()
    shop.world.advance(after_s)
    again = run(shop, create(shop))
    assert again.replayed is replayed
    assert (again.body == first.body) is replayed
    shop.world.advance(KEPT_US / SECOND_US + 1)
    shop.kernel._forget()
    assert shop.hall.counts()["request_key"] == 0


def test_thirty_two_at_once_make_one(shop: Shop) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: run(shop, create(shop)), range(32)))
    assert sum(not a.replayed for a in answers) == 1
    assert len({a.body["id"] for a in answers}) == 1
    assert shop.kernel.count(shop.developer, Engine) == 1


def test_planned_at_once_and_written_in_one_group_it_is_one(shop: Shop) -> None:
    with held(shop.kernel.store):
        futures = [shop.kernel.execute(shop.developer, create(shop)) for _ in range(3)]
    assert [f.result(10).replayed for f in futures] == [False, True, True]


def test_a_secret_comes_again_and_lies_wrapped(shop: Shop) -> None:
    bucket = shop.do(Bucket, "create", name="stats", spec={"quota_gib": 1, "grade": "open"})["id"]
    command = Command(kind=AccessKey, verb="create", place=shop.project, name="key", spec={"bucket": bucket}, key="k")
    first, again = run(shop, command), run(shop, command)
    assert first.body["secret"] == again.body["secret"]
    stored = shop.hall.one("SELECT answer FROM request_key WHERE key = 'k'")
    assert first.body["secret"].encode() not in stored
