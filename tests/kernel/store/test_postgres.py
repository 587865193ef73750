"""PostgreSQL keeps what it acknowledged, over several processes, restarts of the server and broken connections."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from typing import Any

import pytest

from cloudhall.kernel.errors import Invalid, Unavailable
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.postgres import READERS_MAX, PostgresStore
from cloudhall.kernel.store.revisions import SCHEMA_VERSION
from cloudhall.kernel.store.session import PREPARED_MAX, Lost, Session
from cloudhall.kernel.world import World
from tests.kit.cable import Cable
from tests.kit.postgres import Server

NEXT = "INSERT INTO n VALUES ((SELECT coalesce(max(n), 0) + 1 FROM n), ?) RETURNING n"
WAIT_S = 20
FD_SETSIZE = 1_024  # what select(2) can wait at


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    name = postgres.make()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(url, World())
    opened.write(lambda tx: tx.execute("CREATE TABLE n (n BIGINT PRIMARY KEY, pad TEXT)")).result()
    yield opened
    opened.close()


def append(tx: Tx) -> int:
    return int(tx.execute(NEXT, ("",)).fetchone()[0])


def numbers(store: PostgresStore) -> list[int]:
    return [n for (n,) in store.read().execute("SELECT n FROM n ORDER BY n")]


def eventually(holds: Any) -> None:
    until = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def broken(store: PostgresStore) -> None:
    """End every connection of the store from the server's side."""
    with closing(Session(store._url)) as session:
        session.control(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class TestSeveralStores:
    def test_numbers_have_no_gap_and_a_reader_meets_none_late(self, url: str, store: PostgresStore) -> None:
        """Each reader goes on behind the last number that it saw, as those of the event log do."""
        ends = threading.Event()

        def follow() -> list[int]:
            seen, last = list[int](), 0
            while not ends.is_set() or last < 200:
                found = [n for (n,) in store.read().execute("SELECT n FROM n WHERE n > ? ORDER BY n", (last,))]
                seen, last = seen + found, found[-1] if found else last
            return seen

        with closing(PostgresStore(url, World())) as other, ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(follow) for _ in range(2)]
            got = [s.write(append) for _ in range(100) for s in (store, other)]
            wait(got, WAIT_S)
            ends.set()
            assert sorted(f.result() for f in got) == list(range(1, 201))
            assert [r.result(WAIT_S) for r in readers] == [list(range(1, 201))] * 2

    def test_each_hears_of_the_others_commits_and_of_its_own_once(self, url: str, store: PostgresStore) -> None:
        heard = [0]
        with closing(PostgresStore(url, World())) as other:
            time.sleep(0.2)  # both have begun to listen, and have rung for it
            store.on_commit.append(lambda: heard.__setitem__(0, heard[0] + 1))
            other.write(append).result()
            eventually(lambda: heard[0] == 1)
            store.write(append).result()
            store.write(append).result()
            time.sleep(0.2)
            assert heard[0] == 3

    def test_it_is_heard_in_a_process_with_a_thousand_connections(self, url: str, store: PostgresStore) -> None:
        heard = threading.Event()
        with ExitStack() as opened:
            for _ in range(FD_SETSIZE):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            other = opened.enter_context(closing(PostgresStore(url, World())))
            time.sleep(0.2)  # it has begun to listen, and has rung for it
            other.on_commit.append(heard.set)
            store.write(append).result()
            assert heard.wait(WAIT_S)

    def test_a_process_killed_inside_its_transaction_holds_nobody_up(self, url: str, store: PostgresStore) -> None:
        code = (
            "import sys, time\n"
            "from cloudhall.kernel.store.postgres import PostgresStore\n"
            "from cloudhall.kernel.world import World\n"
            "def stay(tx):\n"
            "    tx.execute('INSERT INTO n VALUES (1, ?)', ('never',))\n"
            "    print('in', flush=True)\n"
            "    time.sleep(60)\n"
            "PostgresStore(sys.argv[1], World()).write(stay).result()\n"
        )
        with subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"in\n"
            waiting = store.write(append)
            time.sleep(0.1)
            assert not waiting.done()
            worker.kill()
            began = time.monotonic()
            assert waiting.result(WAIT_S) == 1
            assert time.monotonic() - began < 5


class TestTrouble:
    def test_after_broken_connections_readers_and_writer_make_new_ones(self, store: PostgresStore) -> None:
        store.write(append).result()
        assert numbers(store) == [1]
        broken(store)
        assert numbers(store) == [1]
        broken(store)
        store.write(append).result()
        assert numbers(store) == [1, 2]

    def test_while_the_server_is_away_it_says_so(self, postgres: Server, store: PostgresStore) -> None:
        store.write(append).result()
        postgres.stop(signal.SIGQUIT)
        try:
            for ask in (lambda: store.write(append).result(WAIT_S), lambda: numbers(store)):
                with pytest.raises(Unavailable) as refused:
                    ask()
                assert (refused.value.status, refused.value.reason) == (503, "STORE")
        finally:
            postgres.start()
        assert numbers(store) == [1]
        assert store.write(append).result() == 2

    def test_a_connection_that_breaks_before_the_commit_keeps_nothing(self, store: PostgresStore) -> None:
        def breaks(tx: Tx) -> None:
            append(tx)
            broken(store)
            append(tx)

        with pytest.raises(Unavailable) as refused:
            store.write(breaks).result(WAIT_S)
        assert refused.value.reason == "STORE"
        assert store.write(append).result() == 1

    @pytest.mark.parametrize("kept", [True, False])
    def test_one_that_breaks_during_the_commit_is_neither_acknowledged_nor_repeated(
        self, url: str, store: PostgresStore, kept: bool
    ) -> None:
        with Cable(url) as cable, closing(PostgresStore(cable.url, World())) as far:
            cable.cut_at(b"COMMIT\0", after=kept)
            with pytest.raises(Unavailable) as unknown:
                far.write(append).result(WAIT_S)
            assert unknown.value.reason == "OUTCOME_UNKNOWN"
            assert "idempotency key" in unknown.value.how.en
            eventually(lambda: numbers(store) == ([1] if kept else []))
            assert far.write(append).result(WAIT_S) == (2 if kept else 1)

    def test_a_full_disk_says_so_and_takes_no_neighbour_along(self, store: PostgresStore) -> None:
        """A trigger says what the server says when a table cannot grow."""
        full = "BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END"
        store.write(
            lambda tx: [
                tx.execute(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ {full} $$"),
                tx.execute(
                    "CREATE TRIGGER full_disk BEFORE INSERT ON n FOR EACH ROW WHEN (NEW.pad = 'x') "
                    "EXECUTE FUNCTION full_disk()"
                ),
            ]
        ).result()
        with pytest.raises(Unavailable) as refused:
            store.write(lambda tx: tx.execute(NEXT, ("x",))).result()
        assert (refused.value.status, refused.value.reason) == (503, "DISK_FULL")
        assert store.write(append).result() == 1

    def test_a_database_that_takes_no_writes_says_so(self, postgres: Server, url: str, store: PostgresStore) -> None:
        name = url.partition("@/")[2].partition("?")[0]
        postgres.do(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        broken(store)
        with pytest.raises(Unavailable, match="read-only") as refused:
            store.write(append).result()
        assert refused.value.reason == "STORE"

    @pytest.mark.parametrize("value", ["a\0b", "x" * 100_000])
    def test_a_value_that_it_cannot_hold_is_the_askers_fault(self, store: PostgresStore, value: str) -> None:
        store.write(lambda tx: tx.execute("CREATE TABLE named (name TEXT PRIMARY KEY)")).result()
        wide = value if "\0" in value else "".join(chr(0x4E00 + n % 20_000) for n in range(100_000))
        with pytest.raises(Invalid):
            store.write(lambda tx: tx.execute("INSERT INTO named VALUES (?)", (wide,))).result()


class TestOpening:
    def test_a_database_of_a_newer_release_is_refused_in_both_languages(self, url: str, store: PostgresStore) -> None:
        store.write(lambda tx: tx.execute("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION + 1,))).result()
        with pytest.raises(Unavailable, match="newer release") as refused:
            PostgresStore(url, World())
        assert "更新的版本" in refused.value.text.zh
        assert "backup" in refused.value.how.en

    def test_a_server_that_is_not_there_is_named(self) -> None:
        with pytest.raises(Unavailable, match="not available") as refused:
            PostgresStore("postgresql://nobody@127.0.0.1:1/nowhere", World())
        assert refused.value.reason == "STORE"

    def test_a_database_in_another_encoding_is_refused(self, postgres: Server) -> None:
        postgres.do("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
        with pytest.raises(Unavailable, match="SQL_ASCII"):
            PostgresStore(postgres.url("ascii"), World())
        postgres.drop("ascii")


class TestSession:
    def test_more_statements_than_are_kept_still_run(self, url: str) -> None:
        with closing(Session(url)) as session:
            for turn in range(2):
                for n in range(PREPARED_MAX + 20):
                    assert session.execute(f"SELECT {n} + ?", (turn,)).fetchone() == (n + turn,)
            (kept,) = session.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
            assert kept <= PREPARED_MAX + 1

    def test_more_threads_than_connections_all_get_their_answer(self, store: PostgresStore) -> None:
        with ThreadPoolExecutor(4 * READERS_MAX) as pool:
            slow = "SELECT ? FROM pg_sleep(0.02)"
            found = pool.map(lambda n: store.read().execute(slow, (n,)).fetchone()[0], range(100))
            assert list(found) == list(range(100))
        assert len(store._readers._idle) <= READERS_MAX

    def test_a_commit_is_synced_whatever_the_database_says(self, postgres: Server, url: str) -> None:
        name = url.partition("@/")[2].partition("?")[0]
        postgres.do(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with closing(PostgresStore(url, World())) as store:
            said = store.write(lambda tx: tx.execute("SELECT current_setting('synchronous_commit')").fetchone())
            assert said.result() == ("on",)

    def test_a_lost_connection_says_so_from_then_on(self, url: str) -> None:
        with closing(Session(url)) as session, closing(Session(url)) as other:
            other.execute("SELECT pg_terminate_backend(?::int)", (session.backend,))
            for _ in range(2):
                with pytest.raises(Lost):
                    session.execute("SELECT 1")
                assert not session.alive
