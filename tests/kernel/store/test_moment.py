"""Within a moment a question is put once; who changes something sees it."""

import contextvars
from pathlib import Path

import pytest

from cloudhall.kernel.store import Store, Tx, ask_ahead
from cloudhall.kernel.store.moment import KEPT_ROWS_MAX, one_moment
from cloudhall.kernel.store.opening import open_store
from cloudhall.kernel.world import World
from tests.kit.databases import BOTH, fresh

pytestmark = BOTH
COUNT = ("SELECT count(*) FROM t", ())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(tmp_path, fresh(), World())
    opened.write(lambda tx: tx.execute("CREATE TABLE t (n INTEGER)")).result()
    return opened


def put(store: Store, rows: int = 1) -> None:
    def run(tx: Tx) -> None:
        tx.executemany("INSERT INTO t (n) VALUES (?)", [(n,) for n in range(rows)])

    store.write(run).result()


def count(store: Store) -> int:
    return int(store.read().execute(*COUNT).fetchone()[0])


def elsewhere(store: Store) -> None:
    """Write as somebody else does, in a context of their own."""
    contextvars.Context().run(put, store)


def test_a_moment_sees_one_state(store: Store) -> None:
    with one_moment():
        assert count(store) == 0
        elsewhere(store)
        assert count(store) == 0
    assert count(store) == 1
    store.close()


def test_whoever_writes_sees_it(store: Store) -> None:
    with one_moment():
        assert count(store) == 0
        put(store)
        assert count(store) == 1
    store.close()


def test_what_was_taken_before_a_write_sees_it_too(store: Store) -> None:
    with one_moment():
        held = store.read()
        assert held.execute(*COUNT).fetchone() == (0,)
        put(store)
        assert held.execute(*COUNT).fetchone() == (1,)
        assert ask_ahead(held, [COUNT]).execute(*COUNT).fetchone() == (1,)
    store.close()


def test_what_was_asked_ahead_is_remembered(store: Store) -> None:
    with one_moment():
        assert ask_ahead(store.read(), [COUNT]).execute(*COUNT).fetchone() == (0,)
        elsewhere(store)
        assert count(store) == 0
    store.close()


def test_long_answers_are_not_kept(store: Store) -> None:
    put(store, KEPT_ROWS_MAX + 1)
    every = ("SELECT n FROM t", ())
    with one_moment():
        assert len(store.read().execute(*every).fetchall()) == KEPT_ROWS_MAX + 1
        elsewhere(store)
        assert len(store.read().execute(*every).fetchall()) == KEPT_ROWS_MAX + 2
    store.close()
