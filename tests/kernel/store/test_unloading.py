"""All of a PostgreSQL database arrives in a file, as of one moment, and says there what it said before."""

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cloudhall import installation
from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.moving import Copied, move
from cloudhall.kernel.store.postgres import PostgresStore
from cloudhall.kernel.store.sqlite import SQLiteStore
from cloudhall.kernel.store.unloading import in_sqlite, unload
from cloudhall.kernel.world import World
from tests.kit.postgres import Server

CHECK = r"CHECK (\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\))"  # as deep as PostgreSQL nests ours
ODD = [(1, "字'\\", b"\x00\xff"), (-(2**63), None, None), (2**63 - 1, "", b"")]


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    name = postgres.make()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def other(postgres: Server) -> Iterator[str]:
    name = postgres.make()
    yield postgres.url(name)
    postgres.drop(name)


@contextlib.contextmanager
def opened(url: str) -> Iterator[PostgresStore]:
    with contextlib.closing(PostgresStore(url, World())) as store:
        yield store


def do(url: str, *statements: str) -> None:
    with opened(url) as store:
        for statement in statements:
            store.write(partial(run, statement)).result()


def run(statement: str, tx: Tx) -> None:
    tx.execute(statement)


def structure(path: Path) -> dict[str, Any]:
    """What SQLite knows of each table: columns with type, need, default and place in the key; indexes."""
    with contextlib.closing(sqlite3.connect(path)) as file:

        def asked(pragma: str, name: str) -> list[Any]:
            return file.execute(f"SELECT * FROM pragma_{pragma}(?)", (name,)).fetchall()

        said = dict(file.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        tables = [
            n for (n,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if "sqlite_" not in n
        ]
        return {
            table: (
                sorted((c[1], c[2], bool(c[3] or c[5]), c[4], c[5]) for c in asked("table_info", table)),
                sorted(
                    (bool(i[2]), i[4], [c[2] for c in asked("index_info", i[1])], condition(said.get(i[1], "")))
                    for i in asked("index_list", table)
                    if i[3] != "pk"
                ),
                sorted(re.sub(r"[() ]", "", check) for check in re.findall(CHECK, said[table])),
            )
            for table in tables
        }


def condition(index: str) -> str:
    return re.sub(r"[() ]", "", index.partition(" WHERE ")[2])


def test_an_installation_says_in_the_file_what_one_on_sqlite_says(url: str, tmp_path: Path) -> None:
    for home, database in ((tmp_path / "sqlite", ""), (tmp_path / "postgres", url)):
        registry = installation.build_registry()
        Kernel(registry, home, schemas=installation.SCHEMAS, database=database).stop()
    unload(url, tmp_path / "file")
    wanted, seen = structure(tmp_path / "sqlite/cloudhall.db"), structure(tmp_path / "file")
    assert set(seen) == set(wanted)
    assert {n: s for n, s in seen.items() if s != wanted[n]} == {n: w for n, w in wanted.items() if w != seen[n]}
    with contextlib.closing(sqlite3.connect(tmp_path / "file")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("PRAGMA user_version").fetchone()[0] > 0


def test_there_and_back_and_there_again_nothing_has_changed(url: str, other: str, tmp_path: Path) -> None:
    made = (
        "n BIGINT PRIMARY KEY, t TEXT, b BYTEA, u BIGINT NOT NULL DEFAULT 0 CHECK (u >= 0), s TEXT NOT NULL DEFAULT ''"
    )
    do(url, f"CREATE TABLE odd ({made})", "CREATE UNIQUE INDEX odd_t ON odd (t, n) WHERE t <> 'it''s::text'")
    with opened(url) as store:
        store.write(lambda tx: tx.executemany("INSERT INTO odd (n, t, b) VALUES (?, ?, ?)", ODD)).result()
        many = [(n, f"t{n}", b"") for n in range(2, 10_002)]
        store.write(lambda tx: tx.executemany("INSERT INTO odd (n, t, b) VALUES (?, ?, ?)", many)).result()
    unload(url, tmp_path / "cloudhall.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "cloudhall.db")) as file:
        assert file.execute("SELECT n, t, b, u, s FROM odd WHERE n < 2 OR n > 20000 ORDER BY n").fetchall() == [
            (*row, 0, "") for row in sorted(ODD)
        ]
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            file.execute("INSERT INTO odd (n, u) VALUES (0, -1)")
        (index,) = file.execute("SELECT sql FROM sqlite_master WHERE name = 'odd_t'").fetchone()
    assert "'it''s::text'" in index
    assert moved(tmp_path, other)[0].rows == 10_003
    assert moved(tmp_path, other)[0].rows == 10_003  # whoever was killed after the copy finds it there
    do(other, "UPDATE odd SET t = 'x' WHERE n = 7")
    with pytest.raises(Conflict, match="odd"):
        moved(tmp_path, other)


def moved(home: Path, url: str) -> list[Copied]:
    copied: list[Copied] = []
    with opened(url) as target, contextlib.closing(SQLiteStore(home / "cloudhall.db", World())) as source:
        move(source, target, copied.append, lambda _: None)
    return copied


def test_a_moment_is_whole_while_others_write(url: str, tmp_path: Path) -> None:
    """Each write adds a row to both tables: at no moment does one have more than the other."""
    do(url, "CREATE TABLE one (n BIGINT PRIMARY KEY)", "CREATE TABLE two (n BIGINT PRIMARY KEY)")
    stop, done = threading.Event(), 0

    def both(tx: Tx, n: int) -> None:
        tx.execute("INSERT INTO one VALUES (?)", (n,))
        tx.execute("INSERT INTO two VALUES (?)", (n,))

    def write(store: PostgresStore) -> None:
        nonlocal done
        while not stop.is_set():
            store.write(partial(both, n=done)).result()
            done += 1

    with opened(url) as store:
        writer = threading.Thread(target=write, args=(store,))
        writer.start()
        try:
            for n in range(5):
                before = done
                unload(url, tmp_path / f"{n}.db")
                with contextlib.closing(sqlite3.connect(tmp_path / f"{n}.db")) as file:
                    counts = [file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("one", "two")]
                assert counts[0] == counts[1]
                assert before <= counts[0] <= done + 1
        finally:
            stop.set()
            writer.join()
    assert done > 5


def test_what_is_no_installation_is_refused(url: str, tmp_path: Path, postgres: Server) -> None:
    with pytest.raises(Unavailable, match="no installation"):
        unload(url, tmp_path / "a")
    do(url, "CREATE TABLE odd (n BIGINT PRIMARY KEY, at TIMESTAMPTZ)")
    with pytest.raises(Unavailable, match="none of ours"):
        unload(url, tmp_path / "b")
    with pytest.raises(Unavailable):
        unload(f"postgresql://nobody@/none?host={postgres.folder}", tmp_path / "c")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("CREATE INDEX a_i ON public.a USING btree (n)", "CREATE INDEX a_i ON a (n)"),
        ("''::text", "''"),
        ("CHECK ((state = 'a::text USING btree '::text))", "CHECK ((state = 'a::text USING btree '))"),
        ("CHECK ((a = ANY (ARRAY['x'::text, 'y'::text])))", "CHECK ((a IN ('x', 'y')))"),
        ("(sign = ANY (ARRAY[('-1'::integer)::bigint, (1)::bigint]))", "(sign IN ((-1), (1)))"),
    ],
)
def test_what_postgres_says_in_sqlites_words(said: str, wanted: str) -> None:
    assert in_sqlite(said) == wanted
