"""An installation is opened by the release that comes next, and stopped whatever state its engines are in."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cloudhall.installation import DOMAINS
from cloudhall.kernel.collect import Collected, Collection, Collector
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Index
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.store.tables import Sort, Where
from cloudhall.kernel.text import T
from cloudhall.kernel.world import Simulated
from tests.kernel.workshop import WORKSHOP, Engine, Shop, working
from tests.kit.databases import BOTH, fresh
from tests.kit.hall import Hall, folder

pytestmark = BOTH


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def columns(hall: Hall, table: str) -> set[str]:
    return {name for (name,) in hall.read().execute(hall.kernel.store.dialect.columns, (table,))}


def test_a_release_with_more_kinds_and_hot_tables_opens_an_older_database() -> None:
    with folder() as home:
        database = fresh()
        old = Kernel(Registry(DOMAINS[:1]), home, world=Simulated(), database=database)
        old.stop()
        later = ("CREATE TABLE later (n INTEGER) STRICT;",)
        new = Kernel(Registry((*DOMAINS, WORKSHOP)), home, world=Simulated(), schemas=later, database=database)
        tables = {name for (name,) in new.store.read().execute(new.store.dialect.tables)}
        assert {"later", "kernel_engine", "storage_bucket"} <= tables
        new.stop()


def test_a_new_index_is_filled_for_the_rows_that_are_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = shop.engine("one", speed=7)
    gone = shop.engine("two", speed=7)
    shop.do(Engine, "delete", target=gone)
    shop.hall.settle()
    before = shop.row(engine)
    monkeypatch.setattr(Engine.meta, "indexes", (*Engine.meta.indexes, Index("spec.braked")))
    assert "spec_braked" not in columns(shop.hall, "kernel_engine")
    shop.hall.close()
    kernel = Kernel(
        Registry((*DOMAINS, WORKSHOP)),
        shop.hall.home,
        world=shop.world,
        drivers=shop.kernel.drivers,
        database=shop.hall.database,
    )
    found = kernel.tables[Engine].page(kernel.store.read(), Where("spec_braked = 0"), Sort(), None, 10)
    assert [r.id for r in found] == [engine]
    assert (found[0].revision, found[0].spec) == (before.revision, before.spec)
    kernel.store.close()


def test_opened_again_nothing_is_made_twice(shop: Shop) -> None:
    shop.engine("one")
    before = shop.hall.counts()
    shop.hall.restart()
    assert shop.hall.counts() == before


def test_a_stop_comes_to_its_end_though_an_engine_is_dead(shop: Shop) -> None:
    def collect(_c: Collection) -> Collected:
        raise Unavailable(T("引擎没有应答", "The engine does not answer"))

    store: Any = shop.kernel.store
    before = set(threading.enumerate()) - {store._thread}
    shop.kernel.collectors = (Collector(name="dead", every_s=60, collect=collect),)
    shop.kernel.start()
    shop.engine("one")
    shop.kernel.stop()
    with pytest.raises(Unavailable):
        shop.engine("two")
    assert not {t.name for t in set(threading.enumerate()) - before}
