"""Lists of somebody who holds roles on single rows: the right ones, and read through an index on either database."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.store import tables
from cloudhall.kernel.store.dialect import SQLITE
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from tests.kernel.workshop import Engine, EngineSpec, EngineStatus, Shop, working
from tests.kit.databases import BOTH

pytestmark = BOTH
ROWS = 20_000
SLOW, FAST = Where("spec_speed = ?", (0,)), Where("spec_speed = ?", (1,))


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as built:
        yield built


class Recorder:
    """A connection that keeps what it was asked."""

    def __init__(self, tx: Any) -> None:
        self.tx, self.asked = tx, list[tuple[str, Any]]()

    def execute(self, sql: str, params: Any = ()) -> Any:
        self.asked.append((sql, params))
        return self.tx.execute(sql, params)


def row(number: int, place: str) -> Engine:
    id_ = f"zg-{number:017}"
    spec = EngineSpec(speed=number % 2, serial=id_)
    return Engine(id=id_, place=place, name=f"n{number}", spec=spec, status=EngineStatus())


def filled(shop: Shop) -> list[str]:
    """An organisation, then projects of a hundred rows each, of which the first two lie outside."""
    organisation, *here = [new_id("pj", shop.world) for _ in range(1 + ROWS // 100)]

    def fill(tx: Any) -> None:
        places.add_place(tx, organisation, "platform")
        for n, place in enumerate(here):
            places.add_place(tx, place, organisation if n > 1 else "platform")
        for n in range(ROWS):
            shop.kernel.tables[Engine].insert(tx, row(n, here[n // 100]))

    shop.hall.write(fill)
    if shop.kernel.store.dialect is not SQLITE:
        shop.hall.write(lambda tx: tx.execute("ANALYZE"))
    return [organisation, *here]


def holder(shop: Shop, *nodes: str) -> Caller:
    who = shop.hall.person()
    rows = [(f"{who.id}/{node}", who.id, "viewer", node) for node in nodes]
    shop.hall.write(lambda tx: tx.executemany("INSERT INTO role_grant VALUES (?, ?, ?, ?, NULL)", rows))
    return who


def plans(shop: Shop, asked: list[tuple[str, Any]]) -> str:
    """How the database would answer, one step a line."""
    word = "EXPLAIN QUERY PLAN" if shop.kernel.store.dialect is SQLITE else "EXPLAIN"
    tx = shop.hall.read()
    return "\n".join(str(step[-1]) for sql, params in asked for step in tx.execute(f"{word} {sql}", params).fetchall())


def scans(plan: str) -> list[str]:
    return re.findall(r"^ *(?:SCAN kernel_engine\b(?! USING).*|.*Seq Scan on kernel_engine.*)$", plan, re.MULTILINE)


@pytest.mark.parametrize("sort", [Sort(), Sort("name", descending=False), Sort("spec_speed")], ids=lambda s: s.column)
@pytest.mark.parametrize("where", [LIVE, FAST], ids=["all", "filtered"])
@pytest.mark.parametrize("held", [(), (1, 2)], ids=["rows alone", "and places"])
def test_few_rows_are_reached_one_by_one_and_never_by_a_scan(
    shop: Shop, sort: Sort, where: Where, held: tuple[int, ...]
) -> None:
    here = filled(shop)
    shared = [f"zg-{n:017}" for n in (5, 7_000, 19_999)]
    who = holder(shop, *shared, *(here[n] for n in held))
    among = shop.kernel.authority.visible(shop.hall.read(), who, Engine)
    recorder, table = Recorder(shop.hall.read()), shop.kernel.tables[Engine]

    found = table.page(recorder, where, sort, None, 500, among)  # type: ignore[arg-type]  # as far as a page asks
    counted = table.count(recorder, where, among)  # type: ignore[arg-type]
    faceted = table.facet(recorder, where, "spec_speed", among=among)  # type: ignore[arg-type]

    in_places = {f"zg-{n:017}" for n in range(200) if held}
    fast = {id_ for id_ in in_places | set(shared) if where is LIVE or int(id_[3:]) % 2}
    assert {r.id for r in found} == fast
    assert counted == len(fast) == sum(n for _, n in faceted)
    plan = plans(shop, recorder.asked)
    assert not scans(plan), plan


def test_who_sees_most_rows_and_a_few_more_walks_the_order_asked_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "FEW_ROWS_MAX", 1_000)
    who = holder(shop, filled(shop)[0], f"zg-{5:017}")
    among = shop.kernel.authority.visible(shop.hall.read(), who, Engine)
    recorder = Recorder(shop.hall.read())
    page = shop.kernel.tables[Engine].page(recorder, LIVE, Sort(), None, 3, among)  # type: ignore[arg-type]
    assert [r.name for r in page] == ["n19999", "n19998", "n19997"]
    plan = plans(shop, recorder.asked[-1:])
    assert not scans(plan), plan
    assert not re.search("TEMP B-TREE|Sort Key", plan), plan
    last = shop.kernel.tables[Engine].page(shop.hall.read(), LIVE, Sort(descending=False), None, 2, among)
    assert [r.name for r in last] == ["n5", "n200"]


@given(
    st.lists(st.integers(0, 29), unique=True),
    st.lists(st.integers(0, 2), unique=True),
    st.sampled_from([LIVE, SLOW, FAST]),
    st.builds(Sort, st.sampled_from(["id", "name", "spec_speed"]), st.booleans()),
    st.sampled_from([3, 20_000]),
)
@settings(max_examples=30, deadline=None)
def test_any_mixture_lists_what_deciding_row_by_row_allows(
    rows: list[int], held: list[int], where: Where, sort: Sort, few: int
) -> None:
    with working() as shop, pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "FEW_ROWS_MAX", few)
        here = [new_id("pj", shop.world) for _ in range(3)]

        def fill(tx: Any) -> None:
            for place in here:
                places.add_place(tx, place, "platform")
            for n in range(30):
                shop.kernel.tables[Engine].insert(tx, row(n, here[n % 3]))

        shop.hall.write(fill)
        who = holder(shop, *(f"zg-{n:017}" for n in rows), *(here[n] for n in held))
        authority, table = shop.kernel.authority, shop.kernel.tables[Engine]
        allowed = {
            r.id
            for r in table.page(shop.hall.read(), where, Sort(), None, 99)
            if authority.may(shop.hall.read(), who, "read", r)
        }
        listed: list[str] = []
        after: tuple[Any, ...] | None = None
        while page := shop.kernel.page(who, Engine, where, sort, after, 4):
            listed += [r.id for r in page]
            last = page[-1]
            value = {"id": last.id, "name": last.name, "spec_speed": last.spec.speed}[sort.column]
            after = (value, last.id)
        assert sorted(listed) == sorted(allowed)
        assert shop.kernel.count(who, Engine, where) == len(allowed)
