"""What goes to PostgreSQL goes together: every round trip under the lock is waited for by everybody else."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import batches
from cloudhall.kernel.batches import Batch, Item
from cloudhall.kernel.commands import Command
from cloudhall.kernel.store import Tx, ask_ahead
from cloudhall.kernel.store.postgres import PostgresStore
from cloudhall.kernel.store.session import Session
from cloudhall.kernel.world import World
from tests.kit.databases import BOTH
from tests.kit.hall import Hall
from tests.kit.postgres import Server

NEXT = "SELECT coalesce(max(n), 0) + 1 FROM t"
PUT = "INSERT INTO t (n, pad) VALUES (?, ?)"
ITEMS = 100
TRIPS_MAX = 30  # for all of them; one by one it would be hundreds


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counted: Counter[str] = Counter()
    for name in ("_call", "_pipelined"):
        sent = getattr(Session, name)

        def counting(self: Session, *arguments: Any, sent: Any = sent) -> Any:
            counted["all"] += 1
            return sent(self, *arguments)

        monkeypatch.setattr(Session, name, counting)
    return counted


@pytest.fixture
def store(postgres: Server) -> Iterator[PostgresStore]:
    name = postgres.make()
    with closing(PostgresStore(postgres.url(name), World())) as opened:
        opened.write(lambda tx: tx.execute("CREATE TABLE t (n BIGINT PRIMARY KEY, pad TEXT)")).result()
        yield opened
    postgres.drop(name)


def put(tx: Tx, pad: str = "") -> int:
    (n,) = tx.execute(NEXT).fetchone()
    tx.execute(PUT, (n, pad))
    return int(n)


def test_the_next_number_is_asked_for_once(store: PostgresStore, trips: Counter[str]) -> None:
    store.write(put).result()
    before = trips["all"]
    assert store.write(lambda tx: [put(tx) for _ in range(20)]).result() == list(range(2, 22))
    assert trips["all"] - before < 10


def test_an_undone_number_is_given_again(store: PostgresStore) -> None:
    def run(tx: Tx) -> list[int]:
        tx.execute("SAVEPOINT a")
        undone = [put(tx), put(tx)]
        tx.execute("ROLLBACK TO a")
        tx.execute("RELEASE a")
        return [*undone, put(tx)]

    assert store.write(run).result() == [1, 2, 1]
    assert store.write(put).result() == 2


def test_a_number_follows_rows_that_were_written_otherwise(store: PostgresStore) -> None:
    def run(tx: Tx) -> list[int]:
        first = put(tx)
        tx.executemany(PUT, [(n, "") for n in (7, 8)])
        return [first, put(tx)]

    assert store.write(run).result() == [1, 9]


def test_what_is_asked_ahead_takes_one_trip(store: PostgresStore, trips: Counter[str]) -> None:
    questions: list[tuple[str, tuple[Any, ...]]] = [("SELECT pad FROM t WHERE n = ?", (n,)) for n in range(3)]
    store.write(lambda tx: [put(tx, pad) for pad in "ab"]).result()

    def told(tx: Tx) -> list[Any]:
        ask_ahead(tx, questions)  # a statement is prepared when it is first seen
        tx.execute("UPDATE t SET pad = pad || '!' WHERE n = ?", (1,))
        before, knowing = trips["all"], ask_ahead(tx, questions)
        rows = [knowing.execute(*question).fetchall() for question in questions]
        assert trips["all"] - before == 1
        return rows

    assert store.write(told).result() == [[], [("a!",)], [("b",)]]
    ask_ahead(store.read(), questions)
    before, knowing = trips["all"], ask_ahead(store.read(), questions)
    assert [knowing.execute(*question).fetchall() for question in questions] == [[], [("a!",)], [("b",)]]
    assert trips["all"] - before == 1
    assert knowing.execute("SELECT count(*) FROM t").fetchone() == (2,)


class TestBatches:
    """A batch as a whole, on either database: only one of them has trips to save."""

    pytestmark = BOTH

    def test_a_batch_that_goes_well_does_not_wait_for_each_item(self, hall: Hall, trips: Counter[str]) -> None:
        project, developer = hall.project(), hall.staff["developer"]

        def batch(first: str) -> None:
            items = tuple(Item(bucket(project, f"{first}-{n}")) for n in range(ITEMS))
            assert batches.execute(hall.kernel, developer, Batch(items=items)).result(20).refused == 0

        batch("first")
        before = trips["all"]
        batch("second")
        assert trips["all"] - before <= TRIPS_MAX


def bucket(place: str, name: str) -> Command:
    return Command(kind=Bucket, verb="create", place=place, name=name, spec={"quota_gib": 1, "grade": "open"})
