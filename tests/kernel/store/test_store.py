"""Either store keeps what it acknowledged and nothing else, beside failing neighbours and crashes."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.store import IntegrityError, Store, Tx
from cloudhall.kernel.store.groups import GROUP_SIZE_MAX
from cloudhall.kernel.store.opening import open_store
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World
from tests.kit.databases import BOTH, lent
from tests.kit.hall import folder

pytestmark = BOTH
TABLE = "CREATE TABLE IF NOT EXISTS n (n INTEGER PRIMARY KEY, pad TEXT)"
Open = Callable[[], Store]


class CrashError(BaseException):
    """The process is killed."""


@contextmanager
def opening() -> Iterator[Open]:
    """Give what opens one database, again and again."""
    with folder() as home, lent("n") as url, ExitStack() as opened:

        def open_() -> Store:
            store = opened.enter_context(closing(open_store(home, url, World())))
            store.write(lambda tx: tx.execute(store.dialect.render(TABLE))).result()
            return store

        yield open_


@pytest.fixture
def opens() -> Iterator[Open]:
    with opening() as open_:
        yield open_


@pytest.fixture
def store(opens: Open) -> Store:
    return opens()


def put(n: int, pad: str = "") -> Any:
    return lambda tx: tx.execute("INSERT INTO n VALUES (?, ?)", (n, pad))


def numbers(store: Store) -> list[int]:
    return [n for (n,) in store.read().execute("SELECT n FROM n ORDER BY n")]


def hold(store: Store) -> threading.Event:
    """Keep the writer busy, so that what is queued meanwhile becomes one group."""
    begun, go = threading.Event(), threading.Event()

    def job(_tx: Tx) -> None:
        begun.set()
        go.wait(10)

    store.write(job)
    begun.wait(10)
    return go


def at_fault(store: Any, act: Callable[[str], None]) -> None:
    store.world.fault = act


def test_what_is_queued_while_one_commits_becomes_one_group(store: Store) -> None:
    seen: list[str] = []
    at_fault(store, seen.append)
    go = hold(store)
    futures = [store.write(put(n)) for n in range(GROUP_SIZE_MAX + 10)]
    go.set()
    wait(futures, 10)
    assert numbers(store) == list(range(GROUP_SIZE_MAX + 10))
    assert seen.count("store.commit:after") == 3  # the held one, a full group, the rest


@given(st.lists(st.sampled_from(["ok", "refused", "doubled", "strange", "broken"]), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_a_failing_job_takes_nothing_along(outcomes: list[str]) -> None:
    with opening() as open_:
        store = open_()

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


def test_who_hears_a_refusal_sees_what_was_committed_beside_it(store: Store) -> None:
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
def test_a_crash_at_the_commit_keeps_all_or_nothing(opens: Open, store: Store, point: str, kept: bool) -> None:
    def crash(at: str) -> None:
        if at == point:
            raise CrashError

    go = hold(store)
    at_fault(store, crash)
    futures = [store.write(put(n)) for n in range(3)]
    go.set()
    assert [type(f.exception(10)) for f in futures] == [CrashError] * 3
    at_fault(store, lambda _point: None)
    assert numbers(opens()) == ([0, 1, 2] if kept else [])


def test_after_a_crash_the_next_write_is_kept(store: Store) -> None:
    def crash(_point: str) -> None:
        raise CrashError

    at_fault(store, crash)
    assert isinstance(store.write(put(1)).exception(10), CrashError)
    at_fault(store, lambda _point: None)
    store.write(put(2)).result(10)
    assert numbers(store) == [2]


def test_a_reader_sees_only_what_is_committed_and_writes_nothing(store: Store) -> None:
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
    with pytest.raises(Exception, match=r"read-?only"):
        store.read().execute("INSERT INTO n VALUES (2, '')")
    assert numbers(store) == [1]


def test_many_rows_of_one_statement_are_counted(store: Store) -> None:
    rows = [(n, None if n % 2 else "x") for n in range(1_000)]
    assert store.write(lambda tx: tx.executemany("INSERT INTO n VALUES (?, ?)", rows).rowcount).result() == 1_000
    assert numbers(store) == list(range(1_000))
    doubled = store.write(lambda tx: tx.executemany("INSERT INTO n VALUES (?, ?)", [(5_000, ""), (7, ""), (5_001, "")]))
    assert isinstance(doubled.exception(10), IntegrityError)
    assert numbers(store) == list(range(1_000))


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63), True, None])
def test_a_number_comes_back_as_it_was_written(store: Store, value: int | None) -> None:
    store.write(lambda tx: tx.execute("CREATE TABLE IF NOT EXISTS big (n BIGINT, t TEXT)")).result()
    store.write(lambda tx: tx.execute("INSERT INTO big VALUES (?, ?)", (value, "字'\\x"))).result()
    assert store.read().execute("SELECT n, t FROM big WHERE n IS NULL OR n = ?", (value or 0,)).fetchall() == [
        (value, "字'\\x")
    ]


def test_a_number_beyond_64_bits_is_refused(store: Store) -> None:
    with pytest.raises(OverflowError):
        store.write(put(2**63)).result()


def test_after_close_a_write_is_refused_and_what_was_queued_is_kept(opens: Open) -> None:
    store = opens()
    go = hold(store)
    queued = store.write(put(1))
    go.set()
    store.close()
    assert queued.exception(10) is None
    late = store.write(put(2))
    assert isinstance(late.exception(10), Unavailable)
    assert numbers(opens()) == [1]


Step = tuple[str, int]
STEPS = st.tuples(st.sampled_from(["put", "drop", "pad", "read", "inner", "fail"]), st.integers(0, 4))


class FailedError(Exception):
    """A job gives up."""


def run_steps(tx: Tx, steps: list[Step], seen: list[Any]) -> None:
    """Do them in the database; what is read goes to `seen`."""
    for step, n in steps:
        match step:
            case "put":
                tx.execute("INSERT INTO n VALUES (?, '') ON CONFLICT DO NOTHING", (n,))
            case "drop":
                seen.append(tx.execute("DELETE FROM n WHERE n = ?", (n,)).rowcount)
            case "pad":
                tx.execute("UPDATE n SET pad = pad || 'x' WHERE n = ?", (n,))
            case "read":
                seen.append(tx.execute("SELECT n, pad FROM n ORDER BY n").fetchall())
                seen.append(tx.execute("SELECT pad FROM n WHERE n = ?", (n,)).fetchone())
            case "inner":
                tx.execute("SAVEPOINT inside")
                tx.execute("INSERT INTO n VALUES (?, 'lost') ON CONFLICT (n) DO UPDATE SET pad = 'lost'", (n,))
                seen.append(tx.execute("SELECT pad FROM n WHERE n = ?", (n,)).fetchone())
                tx.execute("ROLLBACK TO inside")
                tx.execute("RELEASE inside")
            case "fail":
                raise FailedError


def think_steps(rows: dict[int, str], steps: list[Step], seen: list[Any]) -> dict[int, str]:
    """Do the same to a dictionary; answers what is left, which is the same as before where the job fails."""
    now = dict(rows)
    for step, n in steps:
        match step:
            case "put":
                now.setdefault(n, "")
            case "drop":
                seen.append(int(now.pop(n, None) is not None))
            case "pad" if n in now:
                now[n] += "x"
            case "read":
                seen += [sorted(now.items()), (now[n],) if n in now else None]
            case "inner":
                seen.append(("lost",))
            case "fail":
                return rows
    return now


@given(st.lists(st.lists(STEPS, max_size=8), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_group_reads_and_writes_as_if_each_statement_ran_at_once(jobs: list[list[Step]]) -> None:
    with opening() as open_:
        store = open_()
        seen: list[Any] = []
        go = hold(store)
        futures = [store.write(lambda tx, steps=steps: run_steps(tx, steps, seen)) for steps in jobs]  # type: ignore[misc]  # bound in the default
        go.set()
        wait(futures, 10)
        thought: list[Any] = []
        rows: dict[int, str] = {}
        for steps in jobs:
            rows = think_steps(rows, steps, thought)
        assert seen == thought
        assert dict(store.read().execute("SELECT n, pad FROM n").fetchall()) == rows


def test_many_rows_come_back_as_they_were_written(store: Store) -> None:
    texts = ["", "\\", "\\N", "\t", "\n\r", "\\.", "字", "a\tb\\\nc", "'", "\x7f", None]
    rows = [(n, texts[n % len(texts)]) for n in range(700)]
    store.write(lambda tx: tx.executemany("INSERT INTO n VALUES (?, ?)", rows)).result()
    assert store.read().execute("SELECT n, pad FROM n ORDER BY n").fetchall() == rows
    wrong = [*rows[:60], (7_000, 0.5)]
    refused = store.write(lambda tx: tx.executemany("INSERT INTO n VALUES (?, ?)", wrong))
    assert refused.exception(10) is not None
    store.write(put(8_000)).result()
    assert numbers(store) == [*range(700), 8_000]
