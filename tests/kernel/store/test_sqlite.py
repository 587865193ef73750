"""The store keeps what it acknowledged and nothing else, beside failing neighbours, full disks and crashes."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.store import IntegrityError, Tx
from cloudhall.kernel.store.groups import GROUP_SIZE_MAX
from cloudhall.kernel.store.sqlite import SCHEMA_VERSION, SQLiteStore
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World
from tests.kit.hall import folder


class CrashError(BaseException):
    """The process is killed."""


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


def commits(store: SQLiteStore) -> list[str]:
    seen: list[str] = []
    store.world.fault = lambda point: seen.append(point) if point == "store.commit:after" else None
    return seen


def test_what_is_queued_while_one_commits_becomes_one_group(store: SQLiteStore) -> None:
    seen = commits(store)
    go = hold(store)
    futures = [store.write(put(n)) for n in range(GROUP_SIZE_MAX + 10)]
    go.set()
    wait(futures, 10)
    assert numbers(store) == list(range(GROUP_SIZE_MAX + 10))
    assert len(seen) == 3  # the held one, a full group, the rest


@given(st.lists(st.sampled_from(["ok", "refused", "doubled", "strange", "broken"]), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_a_failing_job_takes_nothing_along(outcomes: list[str]) -> None:
    with folder() as home:
        store = SQLiteStore(home / "db", World())
        store.write(lambda tx: tx.execute("CREATE TABLE n (n INTEGER PRIMARY KEY, pad TEXT)")).result()

        def job(n: int, outcome: str) -> Any:
            def run(tx: Tx) -> int:
                tx.execute("INSERT INTO n VALUES (?, '')", (n,))
                match outcome:
                    case "refused":
                        raise Conflict(T("不", "no"))
                    case "doubled":
                        tx.execute("INSERT INTO n VALUES (?, '')", (n,))
                    case "strange":
                        raise RuntimeError("strange")
                    case "broken":
                        tx.execute("SELECT * FROM nowhere")
                return n

            return run

        go = hold(store)
        futures = [store.write(job(n, o)) for n, o in enumerate(outcomes)]
        go.set()
        raised = [type(f.exception(10)) for f in futures]
        kinds = {
            "ok": type(None),
            "refused": Conflict,
            "doubled": IntegrityError,
            "strange": RuntimeError,
            "broken": Unavailable,
        }
        assert raised == [kinds[o] for o in outcomes]
        assert numbers(store) == [n for n, o in enumerate(outcomes) if o == "ok"]
        store.close()


def test_who_hears_a_refusal_sees_what_was_committed_beside_it(store: SQLiteStore) -> None:
    seen: list[list[int]] = []

    def refuse(_tx: Tx) -> None:
        raise Conflict(T("不", "no"))

    go = hold(store)
    store.write(put(1))
    refused: Future[None] = store.write(refuse)
    refused.add_done_callback(lambda _: seen.append(numbers(store)))
    last = store.write(put(2))
    go.set()
    last.result(10)
    assert seen == [[1, 2]]


@pytest.mark.parametrize(("point", "kept"), [("store.commit:before", False), ("store.commit:after", True)])
def test_a_crash_at_the_commit_keeps_all_or_nothing(home: Path, store: SQLiteStore, point: str, kept: bool) -> None:
    def crash(at: str) -> None:
        if at == point:
            raise CrashError

    go = hold(store)
    store.world.fault = crash
    futures = [store.write(put(n)) for n in range(3)]
    go.set()
    assert [type(f.exception(10)) for f in futures] == [CrashError] * 3
    again = sqlite3.connect(home / "db")
    assert [n for (n,) in again.execute("SELECT n FROM n")] == ([0, 1, 2] if kept else [])
    again.close()


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


def test_a_reader_sees_only_what_is_committed_and_writes_nothing(store: SQLiteStore) -> None:
    inside, go = threading.Event(), threading.Event()

    def job(tx: Tx) -> None:
        tx.execute("INSERT INTO n VALUES (1, '')")
        inside.set()
        go.wait(10)

    written = store.write(job)
    inside.wait(10)
    assert numbers(store) == []
    go.set()
    written.result(10)
    assert numbers(store) == [1]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.read().execute("INSERT INTO n VALUES (2, '')")


def test_each_thread_has_a_connection_of_its_own(store: SQLiteStore) -> None:
    seen: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: seen.append(store.read()))
    thread.start()
    thread.join()
    assert store.read() is store.read()
    assert seen[0] is not store.read()


def test_after_close_a_write_is_refused_and_what_was_queued_is_kept(home: Path) -> None:
    store = SQLiteStore(home / "db", World())
    store.write(lambda tx: tx.execute("CREATE TABLE n (n INTEGER PRIMARY KEY, pad TEXT)")).result()
    go = hold(store)
    queued = store.write(put(1))
    go.set()
    store.close()
    assert queued.exception(10) is None
    late = store.write(put(2))
    assert isinstance(late.exception(10), Unavailable)
    left = sqlite3.connect(home / "db").execute("SELECT n FROM n").fetchall()
    assert left == [(1,)]
