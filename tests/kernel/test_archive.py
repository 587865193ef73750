"""Old events go to files, and nobody who reads the log notices: no gap, nothing twice, whatever is killed when."""

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall.kernel import archive, events, parquet
from cloudhall.kernel.archive import History, Limits
from cloudhall.kernel.errors import CloudhallError, Invalid, Unavailable
from cloudhall.kernel.events import OBSERVE, Event
from tests.kernel.workshop import Engine, Shop, working
from tests.kit.campaign import KilledError
from tests.kit.databases import BOTH

pytestmark = BOTH
WIDTH = 10
EVERYTHING = 10_000
KILLS, KILLED_WITHIN_S = 3, 0.8
ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with working() as shop:
        fill(shop, 30)
        yield shop


def fill(shop: Shop, count: int) -> None:
    for n in range(events.head(shop.hall.read()), events.head(shop.hall.read()) + count):
        shop.do(Engine, "create", name=f"engine-{n}", spec={"serial": f"'序号{n}'\n\\"})
    shop.hall.settle()
    shop.hall.collect()


def narrow(shop: Shop, kept_rows: int = 5) -> History:
    """The history of a kernel, as if it had grown old."""
    history = shop.hall.kernel.history
    history.width, history.limits = WIDTH, Limits(kept_rows=kept_rows)
    return history


def whole(shop: Shop) -> list[Event]:
    return shop.hall.kernel.history.after(shop.hall.read(), 0, EVERYTHING)


def rows(shop: Shop) -> int:
    return int(shop.hall.one("SELECT count(*) FROM event"))


def test_archived_events_are_read_as_if_they_had_never_moved(shop: Shop) -> None:
    before = whole(shop)
    history = narrow(shop)
    assert history.turn() == (len(before) - 5) // WIDTH
    assert rows(shop) == len(before) - history.standing(shop.hall.read()).archived <= 5 + WIDTH
    assert whole(shop) == before
    assert [e.revision for e in before] == list(range(1, len(before) + 1))
    for size in (1, 7, WIDTH, 64):
        assert paged(shop, size) == before, f"in pages of {size}"


def paged(shop: Shop, size: int) -> list[Event]:
    found: list[Event] = []
    while page := shop.hall.kernel.history.after(shop.hall.read(), len(found), size):
        found += page
    return found


def test_a_filter_reaches_into_the_archive(shop: Shop) -> None:
    engine = next(e.id for e in whole(shop) if e.kind == Engine.meta.key)
    before = [e for e in whole(shop) if e.id == engine]
    narrow(shop).turn()
    shop.do(Engine, "update", target=engine, spec={"speed": 3})
    history, tx = shop.hall.kernel.history, shop.hall.read()
    assert history.after(tx, 0, EVERYTHING, id_=engine)[:-1] == before
    assert {e.kind for e in history.after(tx, 0, EVERYTHING, kind="identity.project")} == {"identity.project"}
    assert history.after(tx, 0, EVERYTHING, kind="identity.project", id_=engine) == []


def test_the_history_of_a_resource_goes_on_in_the_archive_newest_first(shop: Shop) -> None:
    engine = next(e.id for e in whole(shop) if e.kind == Engine.meta.key)
    narrow(shop).turn()
    for speed in range(1, 4):
        shop.do(Engine, "update", target=engine, spec={"speed": speed})
    shop.hall.settle()
    narrow(shop, kept_rows=2).turn()
    every = [e for e in whole(shop) if e.id == engine][::-1]
    news = [e for e in every if e.verb != OBSERVE]
    history, tx = shop.hall.kernel.history, shop.hall.read()
    assert [e.verb for e in news] == ["update", "update", "update", "create"]
    for limit in range(1, 6):
        assert history.of_resource(tx, engine, limit) == news[:limit]
    assert history.of_resource(tx, engine, 100, news=False) == every


def test_a_new_resource_never_opens_a_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(shop).turn()
    engine = shop.engine(speed=1)
    monkeypatch.setattr(parquet, "read", lambda *_: pytest.fail("a file was opened"))
    assert [e.verb for e in shop.hall.kernel.history.of_resource(shop.hall.read(), engine, 20)] == ["create"]
    head = events.head(shop.hall.read())
    assert [e.revision for e in shop.hall.kernel.history.after(shop.hall.read(), head - 1)] == [head]


def test_who_changes_what_was_decided_long_ago_still_has_to_have_seen_it(shop: Shop) -> None:
    engine = shop.engine(speed=1)
    seen = shop.row(engine).revision
    shop.do(Engine, "update", target=engine, spec={"speed": 2})
    shop.hall.settle()
    fill(shop, WIDTH)
    shop.hall.settle()
    shop.hall.collect()
    decided = events.decided(shop.hall.read(), engine)
    narrow(shop, kept_rows=1).turn()
    tx = shop.hall.read()
    assert shop.hall.one("SELECT count(*) FROM event WHERE id = ?", engine) == 0
    assert events.decided(tx, engine) == decided > seen
    assert events.name_of(tx, engine) == shop.row(engine).name
    with pytest.raises(CloudhallError):
        shop.do(Engine, "update", target=engine, spec={"speed": 3}, if_match=seen)
    assert shop.do(Engine, "update", target=engine, spec={"speed": 3}, if_match=decided)["spec"]["speed"] == 3


def test_nothing_goes_before_every_reader_has_passed_it(shop: Shop) -> None:
    shop.hall.write(lambda tx: events.move_cursor(tx, "slow", 12))
    history = narrow(shop)
    assert history.turn() == 1
    assert history.standing(shop.hall.read()).slowest == ("slow", 12)
    shop.hall.write(lambda tx: events.move_cursor(tx, "slow", 20))
    assert history.turn() == 1


def test_a_reader_that_begins_anew_reads_through_the_archive(shop: Shop) -> None:
    before = shop.hall.one("SELECT count(*) FROM meter_level")
    narrow(shop).turn()
    shop.hall.write(lambda tx: events.move_cursor(tx, "levels", 0))
    shop.hall.kernel.levels.collect()
    tx = shop.hall.read()
    assert events.cursor_of(tx, "levels") == events.head(tx)
    assert shop.hall.one("SELECT count(*) FROM meter_level") == before


def test_by_age_the_old_go_and_the_newest_stays(shop: Shop) -> None:
    history = narrow(shop, kept_rows=EVERYTHING)
    assert history.turn() == 0
    shop.hall.world.advance(archive.KEPT_DAYS * 86_400)
    assert history.turn() > 0
    head = events.head(shop.hall.read())
    assert rows(shop) >= 1
    assert shop.do(Engine, "create", name="next", spec={"serial": "next"})["revision"] == head + 1


def test_numbers_go_on_where_the_archive_ends_with_the_log(shop: Shop) -> None:
    while events.head(shop.hall.read()) % WIDTH:
        shop.engine(f"fill-{events.head(shop.hall.read())}")
    shop.hall.collect()
    head = events.head(shop.hall.read())
    narrow(shop, kept_rows=1).turn()
    assert rows(shop) >= 1
    assert events.head(shop.hall.read()) == head


def test_who_reads_while_it_moves_misses_nothing_and_sees_nothing_twice(shop: Shop) -> None:
    fill(shop, 1)
    before, wrong, done = whole(shop), list[str](), threading.Event()
    history = narrow(shop)

    def look() -> None:
        while not done.is_set():
            for start in (0, 7, 23):
                found = history.after(shop.hall.read(), start, EVERYTHING)
                if [e.revision for e in found] != list(range(start + 1, len(before) + 1)):
                    wrong.append(f"after {start}: {[e.revision for e in found]}")

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    history.turn()
    time.sleep(0.1)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def points_of(shop: Shop) -> list[str]:
    """Fault points of one turn, in order."""
    seen: list[str] = []
    shop.hall.world.fault = seen.append
    narrow(shop).turn()
    shop.hall.world.fault = lambda _point: None
    return seen


def test_a_kill_at_any_point_loses_and_doubles_nothing() -> None:
    with working() as shop:
        fill(shop, 8)
        number = len(points_of(shop))
    assert number > 6
    for at in range(number):
        with working() as shop:
            fill(shop, 8)
            before = whole(shop)
            kill(shop, at)
            assert whole(shop) == before, f"after a kill at point {at}"
            narrow(shop).turn()
            assert whole(shop) == before, f"after the turn that follows a kill at point {at}"
            standing = shop.hall.kernel.history.standing(shop.hall.read())
            assert standing.archived == standing.deleted > 0
            assert not list(archive.wrong(shop.hall.read(), shop.hall.home))
            assert len(list(shop.hall.kernel.history.folder.iterdir())) == standing.files


def kill(shop: Shop, at: int) -> None:
    """Let the process die at a point of a turn, and another one open its files."""
    seen = 0

    def fault(_point: str) -> None:
        nonlocal seen
        seen += 1
        if seen > at:
            raise KilledError

    shop.hall.world.fault = fault
    with contextlib.suppress(KilledError):
        narrow(shop).turn()
    shop.hall.world.fault = lambda _point: None
    shop.hall.restart()


def test_what_a_kill_left_half_written_is_written_anew(shop: Shop) -> None:
    history, before = narrow(shop), whole(shop)
    history.folder.mkdir(parents=True)
    name = archive.File(1, WIDTH, 0, "").name
    (history.folder / name).write_bytes(b"PAR1 half")
    (history.folder / (name + parquet.PARTIAL)).write_bytes(b"half")
    history.turn()
    assert whole(shop) == before
    assert not list(history.folder.glob("*" + parquet.PARTIAL))


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_file_that_was_harmed_is_refused_and_named(shop: Shop, harm: str) -> None:
    history = narrow(shop)
    history.turn()
    assert list(archive.wrong(shop.hall.read(), shop.hall.home)) == []
    path = sorted(history.folder.iterdir())[1]
    spoil(path, harm)
    shop.hall.restart()
    history = narrow(shop)
    with pytest.raises(Unavailable, match=path.name):
        whole(shop)
    assert [path.name in text.en for text in archive.wrong(shop.hall.read(), shop.hall.home)] == [True]


def spoil(path: Path, harm: str) -> None:
    if harm == "gone":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))


@pytest.mark.parametrize("last", [WIDTH, 3 * WIDTH])
def test_a_range_that_is_missing_is_named(shop: Shop, last: int) -> None:
    history = narrow(shop, kept_rows=1)
    history.turn()
    shop.hall.write(lambda tx: tx.execute("DELETE FROM event_archive WHERE last = ?", (last,)))
    assert [str(last - WIDTH + 1) in text.en for text in archive.wrong(shop.hall.read(), shop.hall.home)] == [True]


def test_a_log_with_a_gap_is_not_archived_silently(shop: Shop) -> None:
    shop.hall.write(lambda tx: tx.execute("DELETE FROM event WHERE revision = 4"))
    with pytest.raises(Unavailable, match="gap"):
        narrow(shop).turn()
    assert shop.hall.one("SELECT count(*) FROM event_archive") == 0


@pytest.mark.parametrize(("said", "kept"), [("", archive.KEPT_DAYS), ("7", 7)])
def test_limits_come_from_the_environment(said: str, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(archive.DAYS, said)
    assert archive.limits_from_environment() == Limits(kept_days=kept)


@pytest.mark.parametrize("said", ["0", "-1", "many"])
def test_a_limit_that_is_none_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(archive.ROWS, said)
    with pytest.raises(Invalid, match=archive.ROWS):
        archive.limits_from_environment()


def test_deleting_leaves_room_for_writers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "CHUNK", 3)
    writes: list[Any] = []
    store, write = shop.hall.kernel.store, shop.hall.kernel.store.write
    monkeypatch.setattr(store, "write", lambda run: writes.append(run) or write(run))  # type: ignore[func-returns-value]  # counted on the way
    moved = narrow(shop).turn()
    assert len(writes) > moved * WIDTH // 3


def test_a_process_that_is_killed_again_and_again_loses_and_doubles_nothing() -> None:
    with working() as shop:
        fill(shop, 60)
        before, chance = whole(shop), random.Random(3)  # noqa: S311  a seed replays it
        hall = shop.hall
        for _ in range(KILLS):
            hall.close()
            command = [sys.executable, "-m", "tests.kernel.archiver", str(hall.home), hall.database]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            time.sleep(chance.random() * KILLED_WITHIN_S)
            process.kill()
            process.wait()
            process.stdout.close()
            hall.reopen()
            assert whole(shop) == before
            assert not list(archive.wrong(hall.read(), hall.home))
        moved = hall.kernel.history.standing(hall.read()).archived
        narrow(shop).turn()
        assert whole(shop) == before
        assert 0 < moved <= hall.kernel.history.standing(hall.read()).archived
