"""The index of labels says what the rows say, whatever was done to them."""

from collections.abc import Iterator

import pytest

from cloudhall.kernel import labels
from cloudhall.kernel.store.tables import Where
from tests.kernel.workshop import Engine, Shop, working
from tests.kit.databases import BOTH

pytestmark = BOTH


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def found(shop: Shop, where: Where) -> set[str]:
    return {r.name for r in shop.kernel.page(shop.developer, Engine, where)}


def indexed(shop: Shop) -> set[tuple[str, str, str, str]]:
    return set(shop.hall.read().execute("SELECT kind, key, value, id FROM label"))


def test_rows_are_found_by_what_they_carry(shop: Shop) -> None:
    one = shop.do(Engine, "create", name="one", labels={"team": "x", "day": "1"}, spec={"serial": "1"})["id"]
    shop.do(Engine, "create", name="two", labels={"team": "y"}, spec={"serial": "2"})
    shop.engine("three")
    key = Engine.meta.key
    assert found(shop, labels.having(key, "team")) == {"one", "two"}
    assert found(shop, labels.having(key, "team", "y")) == {"two"}
    assert found(shop, labels.having(key, "team", "x") | labels.having(key, "team", "y")) == {"one", "two"}
    assert found(shop, labels.having(key, "team") & labels.having(key, "day", "1")) == {"one"}
    assert found(shop, labels.having("another.kind", "team")) == set()
    shop.do(Engine, "update", target="one", labels={"team": "y", "new": ""})
    assert found(shop, labels.having(key, "team", "y")) == {"one", "two"}
    assert found(shop, labels.having(key, "new", "")) == {"one"}
    assert {pair[1] for pair in indexed(shop) if pair[3] == one} == {"team", "new"}


def test_what_is_gone_is_not_indexed(shop: Shop) -> None:
    shop.do(Engine, "create", name="one", labels={"team": "x"}, spec={"serial": "1"})
    shop.do(Engine, "delete", target="one")
    assert len(indexed(shop)) == 1
    shop.hall.settle()
    assert indexed(shop) == set()


def test_an_older_database_is_indexed_when_it_is_opened(shop: Shop) -> None:
    for n in range(3):
        shop.do(Engine, "create", name=f"e-{n}", labels={"n": str(n)} if n else {}, spec={"serial": str(n)})
    before = indexed(shop)
    assert len(before) == 2
    shop.hall.write(lambda tx: tx.execute("DROP TABLE label"))
    shop.hall.restart()
    assert indexed(shop) == before
