"""Rows of a kind: pages that neither lose nor repeat a row while others come and go, every index in use."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store import tables
from cloudhall.kernel.store.dialect import SQLITE
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from tests.kernel.workshop import Engine, EngineSpec, EngineStatus, Shop, working
from tests.kit.databases import BOTH, plan_of

pytestmark = BOTH


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


def insert(shop: Shop, number: int, speed: int, place: str = "pj-a") -> str:
    id_ = f"zg-{number:09}"
    row = Engine(
        id=id_, place=place, name=f"n{number}", spec=EngineSpec(speed=speed, serial=id_), status=EngineStatus()
    )
    shop.hall.write(lambda tx: shop.kernel.tables[Engine].insert(tx, row))
    return id_


def page(shop: Shop, sort: Sort, after: Sequence[Any] | None, limit: int = 3) -> list[Engine]:
    return shop.kernel.tables[Engine].page(shop.hall.read(), LIVE, sort, after, limit)


def key(row: Kind[Any, Any], sort: Sort) -> tuple[Any, ...]:
    return (row.spec.speed if sort.column == "spec_speed" else row.id, row.id)


SORTS = st.builds(Sort, st.sampled_from(["id", "spec_speed"]), st.booleans())


@given(
    SORTS,
    st.lists(st.integers(0, 3), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 3)), max_size=6, unique_by=lambda r: r[0]),
)
@settings(max_examples=25, deadline=None)
def test_pages_hold_every_row_once_whatever_comes_in_between(
    sort: Sort, speeds: list[int], later: list[tuple[int, int]]
) -> None:
    with working() as shop:
        first = {insert(shop, n * 10**7, speed) for n, speed in enumerate(speeds)}
        seen: list[Kind[Any, Any]] = []
        after: tuple[Any, ...] | None = None
        arriving = iter([(n, s) for n, s in later if n % 10**7])
        while rows := page(shop, sort, after):
            seen += rows
            after = key(rows[-1], sort)
            if (new := next(arriving, None)) is not None:
                insert(shop, *new)
        ids = [r.id for r in seen]
        assert len(ids) == len(set(ids))
        assert first <= set(ids)
        keys = [key(r, sort) for r in seen]
        assert keys == sorted(keys, reverse=sort.descending)


def test_a_row_that_goes_between_two_pages_takes_nobody_along(shop: Shop) -> None:
    ids = [insert(shop, n, 0) for n in range(6)]
    sort = Sort("id", descending=False)
    first = page(shop, sort, None)
    shop.hall.write(lambda tx: shop.kernel.tables[Engine].remove(tx, ids[2], 1))
    assert [r.id for r in (*first, *page(shop, sort, key(first[-1], sort)))] == ids


def test_what_is_removed_is_out_of_sight_everywhere(shop: Shop) -> None:
    table, id_ = shop.kernel.tables[Engine], insert(shop, 1, 5)
    shop.hall.write(lambda tx: table.remove(tx, id_, 1))
    tx = shop.hall.read()
    assert table.get(tx, id_) is None
    assert table.named(tx, "n1") == []
    assert table.page(tx, LIVE, Sort(), None, 10) == []
    assert table.count(tx, LIVE) == 0
    assert table.facet(tx, LIVE, "spec_speed") == []
    assert shop.hall.one("SELECT count(*) FROM kernel_engine") == 1  # it stays for the record


def test_a_row_comes_back_as_it_was_written(shop: Shop) -> None:
    engine = shop.engine("one", speed=7)
    shop.hall.settle()
    row = shop.row(engine)
    row.labels = {"名": "值"}
    shop.hall.write(lambda tx: shop.kernel.tables[Engine].update(tx, row))
    again = shop.row(engine)
    assert all(getattr(again, name) == getattr(row, name) for name in Kind.__slots__)


def test_facets_count_what_the_filter_leaves_the_commonest_first(shop: Shop) -> None:
    for n, speed in enumerate([1, 2, 2, 3, 3, 3]):
        insert(shop, n, speed, place="pj-a" if n else "pj-b")
    tx, table = shop.hall.read(), shop.kernel.tables[Engine]
    assert table.facet(tx, LIVE, "spec_speed") == [(3, 3), (2, 2), (1, 1)]
    assert table.facet(tx, Where("place = ?", ("pj-a",)), "spec_speed") == [(3, 3), (2, 2)]


def test_a_stored_spec_of_a_newer_release_is_still_read(shop: Shop) -> None:
    engine = shop.engine("one", speed=7)
    newer = "UPDATE kernel_engine SET spec = replace(spec, '{', '{\"invented\":1,') WHERE id = ?"
    shop.hall.write(lambda tx: tx.execute(newer, (engine,)))
    assert shop.row(engine).spec.speed == 7


def test_a_large_table_is_paged_and_looked_up_without_a_scan(shop: Shop) -> None:
    for sql in (
        "SELECT id FROM kernel_engine WHERE (deleted IS NULL) AND (spec_serial = 'x')",
        "SELECT id FROM kernel_engine WHERE place = 'a' AND name = 'b' AND deleted IS NULL",
        "SELECT id FROM kernel_engine WHERE (deleted IS NULL) AND ((id, id) < ('a', 'b')) ORDER BY id DESC, id DESC",
    ):
        plan = plan_of(shop.hall.kernel.store, sql)
        assert plan.walks, plan
        assert not plan.sorts, plan


@pytest.mark.parametrize(("few", "through"), [(20, "place_i"), (4, "spec_speed_i")])
def test_who_sees_few_rows_is_read_through_their_places_and_who_sees_many_through_the_filter(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, few: int, through: str
) -> None:
    monkeypatch.setattr(tables, "FEW_ROWS_MAX", few)
    place = shop.project
    for n in range(8):
        insert(shop, n, n % 2, place=place if n < 5 else "pj-elsewhere")
    inside = Where("place IN (SELECT descendant FROM place WHERE ancestor IN (?))", (place,))
    fast, tx, table = Where("spec_speed = ?", (1,)), shop.hall.read(), shop.kernel.tables[Engine]

    assert [r.name for r in table.page(tx, fast, Sort(), None, 9, inside)] == ["n3", "n1"]
    assert [r.name for r in table.page(tx, LIVE, Sort("name", descending=False), None, 2, inside)] == ["n0", "n1"]
    assert table.count(tx, fast, inside) == 2
    assert table.facet(tx, LIVE, "spec_speed", among=inside) == [(0, 3), (1, 2)]
    if shop.kernel.store.dialect is SQLITE:
        source, among = table._way(tx, inside)
        sql = f"SELECT id FROM {source.sql} WHERE {(LIVE & among & fast).sql} ORDER BY id DESC"
        assert through in " ".join(r[3] for r in tx.execute(f"EXPLAIN QUERY PLAN {sql}", (place, 1)))
