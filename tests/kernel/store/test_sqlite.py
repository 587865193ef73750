"""The store keeps what it acknowledged and nothing else, beside failing neighbours, full disks and crashes."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.revisions import SCHEMA_VERSION
from cloudhall.kernel.store.sqlite import SQLiteStore
from cloudhall.kernel.world import World
from tests.kit.hall import folder


@pytest.fixture
def home() -> Iterator[Path]:
    with folder() as path:
        yield path


@pytest.fixture
def store(home: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(home / "db", World())
    opened.write(lambda tx: tx.execute("CREATE TABLE n (n INTEGER PRIMARY KEY, pad TEXT) STRICT")).result()
    yield opened
    opened.close()


def put(n: int, pad: str = "") -> Any:
    return lambda tx: tx.execute("INSERT INTO n VALUES (?, ?)", (n, pad))


def numbers(store: SQLiteStore) -> list[int]:
    return [n for (n,) in store.read().execute("SELECT n FROM n ORDER BY n")]


def hold(store: SQLiteStore) -> threading.Event:
    """Keep the writer busy, so that what is queued meanwhile becomes one group."""
    begun, go = threading.Event(), threading.Event()

    def job(_tx: Tx) -> None:
        begun.set()
        go.wait(10)

    store.write(job)
    begun.wait(10)
    return go


def test_a_full_disk_says_so_loses_nothing_and_mends_itself(store: SQLiteStore) -> None:
    store.write(put(1)).result()
    (pages,) = store.read().execute("PRAGMA page_count").fetchone()
    store.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages + 2}")).result()
    with pytest.raises(Unavailable) as refused:
        store.write(put(2, "x" * 100_000)).result()
    assert (refused.value.status, refused.value.reason) == (503, "DISK_FULL")
    store.write(lambda tx: tx.execute("PRAGMA max_page_count = 100000")).result()
    store.write(put(3)).result()
    assert numbers(store) == [1, 3]


def test_what_was_grouped_with_the_job_that_filled_the_disk_is_refused_too_and_not_half_kept(
    store: SQLiteStore,
) -> None:
    """SQLite gives up the whole transaction then; everybody is told, so everybody may try again."""
    (pages,) = store.read().execute("PRAGMA page_count").fetchone()
    store.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages + 2}")).result()
    go = hold(store)
    futures = [store.write(put(n, pad)) for n, pad in ((1, ""), (2, "x" * 100_000), (3, ""))]
    go.set()
    assert [type(f.exception(10)) for f in futures] == [Unavailable] * 3
    assert numbers(store) == []
    store.write(put(1)).result()
    assert numbers(store) == [1]


def test_a_database_of_a_newer_release_is_refused_in_both_languages(home: Path, store: SQLiteStore) -> None:
    store.write(lambda tx: tx.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")).result()
    with pytest.raises(Unavailable, match="newer release") as refused:
        SQLiteStore(home / "db", World())
    assert "更新的版本" in refused.value.text.zh
    assert "backup" in refused.value.how.en


def test_a_file_that_is_no_database_is_named_as_such(home: Path) -> None:
    (home / "db").write_bytes(b"not a database, but long enough to have a header" * 100)
    with pytest.raises(Unavailable, match="not a database"):
        SQLiteStore(home / "db", World())


def test_each_thread_has_a_connection_of_its_own(store: SQLiteStore) -> None:
    seen: list[Tx] = []
    thread = threading.Thread(target=lambda: seen.append(store.read()))
    thread.start()
    thread.join()
    assert store.read() is store.read()
    assert seen[0] is not store.read()
