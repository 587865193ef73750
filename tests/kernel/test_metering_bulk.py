"""A delivery of many ends as the same readings one by one, on either database, whatever repeats and contradicts."""

import functools
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudhall.kernel import amendments, metering, usage
from cloudhall.kernel.metering import Gap, Reading, Recorded, record
from cloudhall.kernel.store import Store, Tx
from cloudhall.kernel.store.opening import open_store
from cloudhall.kernel.world import World
from tests.kernel.test_metering import EVER, LEVEL, PROJECT, SUM, gap, reading
from tests.kit.databases import BOTH, lent
from tests.kit.hall import folder

pytestmark = BOTH
TABLES = ("usage", "usage_gap", "usage_conflict", "usage_amendment")
SLOW = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""One database for all examples, emptied before each."""


@pytest.fixture
def store() -> Iterator[Store]:
    with folder() as home, lent("metering") as url, closing(open_store(home, url, World())) as opened:
        there = {name for (name,) in opened.read().execute(opened.dialect.made)}
        if "usage" not in there:
            opened.write(lambda tx: make(tx, opened)).result()
        yield opened


def make(tx: Tx, store: Store) -> None:
    for statement in f"{metering.SCHEMA}{amendments.SCHEMA}".split(";"):
        if statement.strip():
            tx.execute(store.dialect.render(statement))


def emptied(store: Store) -> Store:
    store.write(lambda tx: [tx.execute(f"DELETE FROM {table}") for table in TABLES]).result()
    return store


# Few ids and few bodies, so that most deliveries repeat and contradict themselves.
bodies = st.builds(
    lambda id_, begin, quantity, level: reading(
        id_, begin, begin + 5, quantity, meter=LEVEL if level else SUM, resource="bk1"
    ),
    st.sampled_from(["a", "b", "c\t\\N", "d\n'"]),
    st.integers(0, 2),
    st.integers(0, 3) | st.integers(2**62, 2**63 - 1),
    st.booleans(),
)
missed = st.builds(gap, st.sampled_from("gh"), st.just(0), st.integers(1, 3))


def kept(store: Store) -> list[object]:
    """Everything that anybody can ask, and the rows themselves."""
    tx = store.read()
    rows = [tx.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in TABLES]
    return [usage.totals(tx, PROJECT, *EVER), usage.gaps(tx, PROJECT, *EVER), usage.conflicts(tx, PROJECT), rows]


def deliver(store: Store, readings: list[Reading], gaps: list[Gap]) -> Recorded:
    return store.write(lambda tx: record(tx, readings, gaps, now_us=1)).result()


@SLOW
@given(st.lists(bodies, max_size=80), st.lists(missed, max_size=4), st.lists(st.integers(0, 80), max_size=4))
def test_any_batches_end_as_one_by_one(store: Store, readings: list[Reading], gaps: list[Gap], cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(readings)) for cut in cuts), len(readings)]
    told = [deliver(emptied(store), [], gaps)]
    told += [deliver(store, readings[a:b], []) for a, b in pairwise(edges)]
    batched = kept(store)
    emptied(store)
    told_singly = [deliver(store, [], [each]) for each in gaps] + [deliver(store, [each], []) for each in readings]
    assert kept(store) == batched
    assert added(told_singly) == added(told)


def added(told: list[Recorded]) -> Recorded:
    return functools.reduce(Recorded.plus, told, Recorded(0, 0, 0))


@SLOW
@given(
    st.lists(bodies, min_size=1, max_size=60, unique_by=lambda r: r.source_id), st.integers(0, 60), st.integers(1, 3)
)
def test_a_prefix_told_again_is_nothing(store: Store, readings: list[Reading], upto: int, times: int) -> None:
    deliver(emptied(store), readings, [])
    before = kept(store)
    prefix = readings[:upto]
    assert deliver(store, prefix * times, []) == (0, len(prefix) * times, 0)
    assert kept(store) == before


def test_a_thousand_at_once_are_looked_up_and_written_together(store: Store) -> None:
    """More than one question holds, more than one piece of a stream; a tenth of them known, another tenth otherwise."""
    many = [reading(f"r{n:05}", n, n + 1, n) for n in range(1_500)]
    deliver(emptied(store), many[:150], [])
    other = [reading(f"r{n:05}", n, n + 1, n + 1) for n in range(150)]
    assert deliver(store, [*other, *many], []) == (1_350, 150, 150)
    (total,) = usage.totals(store.read(), PROJECT, *EVER)
    assert (total.quantity, total.readings) == (sum(range(1_500)), 1_500)
    assert len(usage.conflicts(store.read(), PROJECT, limit=1_000)) == 150


def test_levels_add_up_beyond_what_the_database_multiplies(store: Store) -> None:
    most = 2**63 - 1
    edge = metering.DAY_US
    held = [reading(str(n), n * edge, (n + 1) * edge, most - n, meter=LEVEL) for n in range(40)]
    deliver(emptied(store), held, [])
    window = (edge // 3, 39 * edge + 7)
    (total,) = usage.totals(store.read(), PROJECT, *window)
    assert total.quantity == sum(usage.share(each, *window) for each in held)
