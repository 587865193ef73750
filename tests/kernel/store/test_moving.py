"""All of a database arrives in PostgreSQL, or nothing does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall import moving
from cloudhall.kernel.audit import AuditBroken, Entry
from cloudhall.kernel.errors import Conflict, NotFound, Unavailable
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.moving import OWN, Copied, move
from cloudhall.kernel.store.postgres import PostgresStore
from cloudhall.kernel.store.sqlite import SQLiteStore
from cloudhall.kernel.world import World
from tests.kit.hall import folder
from tests.kit.postgres import Server

ODD = [(1, "字'\\", b"\x00\xff"), (-(2**63), None, None), (2**63 - 1, "", b"")]


@pytest.fixture
def home() -> Iterator[Path]:
    with folder() as path:
        yield path


@pytest.fixture
def target(postgres: Server) -> Iterator[PostgresStore]:
    name = postgres.make()
    opened = PostgresStore(postgres.url(name), World())
    yield opened
    opened.close()
    postgres.drop(name)


@pytest.fixture
def source(home: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(home / "cloudhall.db", World())
    opened.write(lambda tx: tx.execute("CREATE TABLE odd (n INTEGER PRIMARY KEY, t TEXT, b BLOB) STRICT")).result()
    opened.write(lambda tx: tx.execute("CREATE UNIQUE INDEX odd_t ON odd (t) WHERE b IS NOT NULL")).result()
    opened.write(lambda tx: tx.executemany("INSERT INTO odd VALUES (?, ?, ?)", ODD)).result()
    opened.write(lambda tx: tx.execute("ALTER TABLE odd ADD COLUMN later INTEGER")).result()
    yield opened
    opened.close()


def tables(store: PostgresStore) -> set[str]:
    return {name for (name,) in store.read().execute(store.dialect.tables)} - {OWN}


def nothing(_tx: Tx) -> None:
    """Check nothing."""


def test_rows_columns_and_indexes_arrive_as_they_were(source: SQLiteStore, target: PostgresStore) -> None:
    copied: list[Copied] = []
    move(source, target, copied.append, nothing)
    assert [(c.table, c.rows) for c in copied] == [("odd", 3)]
    rows = target.read().execute("SELECT n, t, b, later FROM odd ORDER BY n").fetchall()
    assert rows == [(*row, None) for row in sorted(ODD)]
    made = {name for (name,) in target.read().execute(target.dialect.made)}
    assert {"odd", "odd_pkey", "odd_t"} <= made


def test_more_rows_than_a_page_arrive(source: SQLiteStore, target: PostgresStore) -> None:
    many = [(n, f"t{n}", b"") for n in range(2, 10_002)]
    source.write(lambda tx: tx.executemany("INSERT INTO odd VALUES (?, ?, ?, NULL)", many)).result()
    copied: list[Copied] = []
    move(source, target, copied.append, nothing)
    assert [c.rows for c in copied] == [10_003]


def test_a_target_that_holds_anything_is_left_alone(source: SQLiteStore, target: PostgresStore) -> None:
    target.write(lambda tx: tx.execute("CREATE TABLE somebodys (n BIGINT)")).result()
    with pytest.raises(Conflict, match="somebodys"):
        move(source, target, lambda _: None, nothing)
    assert tables(target) == {"somebodys"}


def test_a_copy_that_differs_is_not_kept(source: SQLiteStore, target: PostgresStore) -> None:
    class Shifting:
        """A source that answers another row the second time."""

        def __init__(self) -> None:
            self.dialect, self.asked = source.dialect, 0

        def read(self) -> "Shifting":
            return self

        def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> Any:
            rows = source.read().execute(sql, parameters)
            if not sql.startswith("SELECT n, t"):
                return rows
            self.asked += 1
            return [(n, "another" if n == 1 and self.asked > 1 else t, *rest) for n, t, *rest in rows]

    with pytest.raises(Unavailable, match="odd differs"):
        move(Shifting(), target, lambda _: None, nothing)  # type: ignore[arg-type]  # as much of a store as is asked for
    assert tables(target) == set()


class TestInstallation:
    @pytest.fixture
    def city(self, home: Path) -> int:
        """Leaves in the log of a small installation that is stopped."""
        kernel = Kernel(Registry(()), home)
        for n in range(5):
            kernel.note(Entry(actor=f"pe-{n}", action="look", private={"name": str(n)})).result()
        kernel.stop()
        return 5

    def test_it_goes_on_there_and_the_old_file_is_out_of_the_way(
        self, home: Path, city: int, postgres: Server, target: PostgresStore
    ) -> None:
        moving.move_database(home, target._url, lambda _: None)
        assert {p.name for p in home.iterdir()} >= {"cloudhall.db.moved", "keys"}
        assert not (home / "cloudhall.db").exists()
        kernel = Kernel(Registry(()), home, database=target._url)
        assert kernel.note(Entry(actor="pe-x", action="look")).result() >= city
        kernel.stop()

    def test_who_starts_on_the_folder_alone_afterwards_is_refused(
        self, home: Path, city: int, target: PostgresStore
    ) -> None:
        moving.move_database(home, target._url, lambda _: None)
        with pytest.raises(AuditBroken):
            Kernel(Registry(()), home)

    def test_a_log_that_was_changed_does_not_arrive(self, home: Path, city: int, target: PostgresStore) -> None:
        store = SQLiteStore(home / "cloudhall.db", World())
        store.write(lambda tx: tx.execute("UPDATE audit_leaf SET leaf = ? WHERE idx = 0", (b"{}",))).result()
        store.close()
        with pytest.raises(AuditBroken):
            moving.move_database(home, target._url, lambda _: None)
        assert tables(target) == set()
        assert (home / "cloudhall.db").exists()

    def test_an_empty_folder_and_another_address_are_named(self, home: Path, target: PostgresStore) -> None:
        with pytest.raises(NotFound, match=r"cloudhall\.db"):
            moving.move_database(home, target._url, lambda _: None)
        (home / "cloudhall.db").touch()
        with pytest.raises(Unavailable, match="no address"):
            moving.move_database(home, "mysql://db", lambda _: None)
