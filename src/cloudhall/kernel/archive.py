"""The archive of events: old rows go to Parquet files, and whoever reads the log meets them there as if never moved.

A file holds the next `RANGE` revisions, without a gap, in `archive/events` of the home. They may go when every reader
with a cursor has passed them, and when they are older than `kept_days` or more than `kept_rows` are left behind them.
The order is: file written, read back, synced, renamed; then its range and SHA-256 recorded, and from that commit on
readers take the range from the file; then the rows deleted, oldest first, a few at a time so that writers wait for
some milliseconds at most (64 rows of scattered resources dirty 130 pages).
So a process killed anywhere leaves either rows and a file that nobody reads, which is written anew, or a recorded file
and rows that nobody reads, which the next turn deletes. A recorded file is never changed or deleted.
Cost: a file a `RANGE`; a page out of it 20 ms; who reads the newest events never opens one.
"""

import contextlib
import itertools
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cloudhall.kernel import events, parquet
from cloudhall.kernel.errors import Invalid, Unavailable
from cloudhall.kernel.events import OBSERVE, Event
from cloudhall.kernel.store import Store, Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US, World

FOLDER = Path("archive") / "events"
DAYS, ROWS = "CLOUDHALL_EVENTS_DAYS", "CLOUDHALL_EVENTS_ROWS"
KEPT_DAYS, KEPT_ROWS = 90, 1_000_000
EVERY_S = 300.0
RANGE = 20_000  # revisions a file
PAGE = 1_000  # rows of a look while a file is written
CHUNK, PAUSE_S = 64, 0.005  # rows deleted in a transaction, and the room for writers after it
DAY_US = 86_400 * SECOND_US
_NAMES = events.COLUMNS.split(", ")
_COLUMNS = {name: "INTEGER" if name in {"revision", "at_us", "generation"} else "TEXT" for name in _NAMES}
_RECORD = "SELECT first, last, bytes, sha256 FROM event_archive"
log = logging.getLogger(__name__)


class File(NamedTuple):
    """Recorded file: revisions `first` to `last`, both in it."""

    first: int
    last: int
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Names sort as revisions do."""
        return f"{self.first:012d}-{self.last:012d}.parquet"


class Limits(NamedTuple):
    """What stays in the database at least: events of so many days, and no more than so many rows."""

    kept_days: int = KEPT_DAYS
    kept_rows: int = KEPT_ROWS


class Standing(NamedTuple):
    """How far the log is archived, up to where its rows are deleted, and who would keep the next range from going."""

    archived: int
    deleted: int
    head: int
    files: int
    bytes: int
    slowest: tuple[str, int] | None


class History:
    """The log as a whole: rows and files. `turn()` moves what has grown old."""

    def __init__(
        self, home: Path, store: Store, world: World, limits: Limits | None = None, width: int = RANGE
    ) -> None:
        """`width` is how many revisions a new file takes."""
        self.folder, self.store, self.world = home / FOLDER, store, world
        self.limits, self.width = limits or Limits(), width
        self._sound: set[int] = set()
        self._turning = threading.Lock()

    def after(self, tx: Tx, revision: int, limit: int = 500, kind: str = "", id_: str = "") -> list[Event]:
        """Events behind a revision, oldest first; of one kind or one resource where named.

        Cost: from a revision that is archived one file after the other until `limit` are found.
        """
        found: list[Event] = []
        while True:
            kept = events.kept_after(tx, revision, limit - len(found), kind, id_)
            if revision >= kept.archived:
                return found + kept.found
            file = _holding(tx, revision + 1)
            found += self._select(file, limit - len(found), "", {"revision > ?": revision, **_asked(kind, id_)})
            if len(found) == limit:
                return found
            revision = file.last

    def of_resource(self, tx: Tx, id_: str, limit: int, *, news: bool = True) -> list[Event]:
        """Newest events of a resource first; without what its controller observed where only news is asked for."""
        asked = {"id = ?": id_} | ({"verb <> ?": OBSERVE} if news else {})
        found = events.latest(tx, " AND ".join(asked), tuple(asked.values()), limit)
        first = events.first_archived(tx, id_) if len(found) < limit else None
        before = found[-1].revision if found else events.head(tx) + 1
        while first is not None and first < before and len(found) < limit:
            file = _below(tx, before)
            here = {"revision < ?": before, **asked}
            found += self._select(file, limit - len(found), "DESC", here)
            before = file.first
        return found

    def standing(self, tx: Tx) -> Standing:
        """Say how it stands."""
        files, size = tx.execute("SELECT count(*), coalesce(sum(bytes), 0) FROM event_archive").fetchone()
        kept = tx.execute("SELECT min(revision) FROM event").fetchone()[0]
        deleted = int(kept) - 1 if kept else 0
        return Standing(archived(tx), deleted, events.head(tx), files, int(size), events.slowest_reader(tx))

    def turn(self) -> int:
        """Archive every range that may go; answers how many. Only the first process of an installation takes turns."""
        with self._turning:
            self._delete()
            moved = 0
            while self._move_one():
                moved += 1
            return moved

    def _select(self, file: File, limit: int, order: str, asked: dict[str, Any]) -> list[Event]:
        path = self.folder / file.name
        if file.last not in self._sound:
            if parquet.sha256(path) != file.sha256:
                raise _damaged(path)
            self._sound.add(file.last)
        sql = f"SELECT {events.COLUMNS} FROM rows WHERE {' AND '.join(asked)} ORDER BY revision {order} LIMIT {limit}"
        return [events.event_of(row) for row in parquet.read(path, sql, tuple(asked.values()))]

    def _move_one(self) -> bool:
        tx = self.store.read()
        first = archived(tx) + 1
        if not self._may_go(tx, first + self.width - 1):
            return False
        file = self._written(tx, first, first + self.width - 1)
        self.world.fault("archive.write:after")
        self.store.write(lambda tx: _record(tx, file, self.world.now_us())).result()
        self.world.fault("archive.record:after")
        self._delete()
        return True

    def _may_go(self, tx: Tx, last: int) -> bool:
        """Whether a range is passed by every reader and old or far enough. The newest row always stays: it counts."""
        slowest, head = events.slowest_reader(tx), events.head(tx)
        if last >= head or (slowest and last > slowest[1]):
            return False
        if head - last >= self.limits.kept_rows:
            return True
        old_us = self.world.now_us() - self.limits.kept_days * DAY_US
        found = tx.execute("SELECT 1 FROM event WHERE revision = ? AND at_us < ?", (last, old_us)).fetchone()
        return found is not None

    def _written(self, tx: Tx, first: int, last: int) -> File:
        """Write a range to its file and read it back: nothing is deleted that was not seen there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = File(first, last, 0, "")
        path, rows = self.folder / file.name, list(_rows(tx, first, last))
        if [row[0] for row in rows] != list(range(first, last + 1)):
            raise Unavailable(T(f"事件 {first} 至 {last} 有缺失", f"Events {first} to {last} have a gap"), reason="LOG")
        try:
            parquet.write(path, _COLUMNS, rows)
            path.chmod(0o600)
        except OSError as error:
            raise Unavailable(
                T(f"无法写入 {path}：{error.strerror}", f"Cannot write {path}: {error.strerror}"), reason="ARCHIVE"
            ) from error
        if parquet.read(path, f"SELECT {events.COLUMNS} FROM rows ORDER BY revision") != rows:
            raise _damaged(path)
        return file._replace(bytes=path.stat().st_size, sha256=parquet.sha256(path))

    def _delete(self) -> None:
        """Delete rows that are in a recorded file, a few in a transaction; writers have their turn in between."""
        while self.store.write(_delete_some).result():
            self.world.fault("archive.delete:after")
            self.world.sleep(PAUSE_S)


def limits_from_environment() -> Limits:
    """Limits that CLOUDHALL_EVENTS_DAYS and CLOUDHALL_EVENTS_ROWS name; raises `Invalid`."""
    return Limits(_number(DAYS, KEPT_DAYS), _number(ROWS, KEPT_ROWS))


def archived(tx: Tx) -> int:
    """Revision up to which the log lies in files."""
    (last,) = tx.execute("SELECT coalesce(max(last), 0) FROM event_archive").fetchone()
    return int(last)


def wrong(tx: Tx, home: Path) -> Iterator[T]:
    """Whatever is wrong: a gap, a recorded file that is missing or was changed. Reads all of them."""
    expected = 1
    for row in tx.execute(f"{_RECORD} ORDER BY first").fetchall():
        file = File(*row)
        if file.first != expected:
            yield T(f"缺少版本 {expected} 起的事件", f"events from revision {expected} on are missing")
        if parquet.sha256(home / FOLDER / file.name) != file.sha256:
            yield _damaged(home / FOLDER / file.name).text
        expected = file.last + 1
    kept = tx.execute("SELECT min(revision) FROM event").fetchone()[0]
    if kept is not None and kept > expected:
        yield T(f"版本 {expected} 至 {kept - 1} 不见了", f"revisions {expected} to {kept - 1} are gone")


def _number(variable: str, default: int) -> int:
    said = os.environ.get(variable, "")
    with contextlib.suppress(ValueError):
        if (number := int(said or default)) > 0:
            return number
    raise Invalid(T(f"{variable} 应为正整数，而不是“{said}”", f"{variable} is a positive number, not {said!r}"))


def _asked(kind: str, id_: str) -> dict[str, Any]:
    return {f"{name} = ?": value for name, value in (("kind", kind), ("id", id_)) if value}


def _holding(tx: Tx, revision: int) -> File:
    return File(*tx.execute(f"{_RECORD} WHERE last >= ? ORDER BY last LIMIT 1", (revision,)).fetchone())


def _below(tx: Tx, revision: int) -> File:
    """Newest file that holds something before a revision."""
    return File(*tx.execute(f"{_RECORD} WHERE first < ? ORDER BY last DESC LIMIT 1", (revision,)).fetchone())


def _rows(tx: Tx, first: int, last: int) -> Iterator[tuple[Any, ...]]:
    sql = f"SELECT {events.COLUMNS} FROM event WHERE revision BETWEEN ? AND ? ORDER BY revision"
    for start in range(first, last + 1, PAGE):
        yield from map(tuple, tx.execute(sql, (start, min(start + PAGE - 1, last))))


def _record(tx: Tx, file: File, now_us: int) -> None:
    tx.execute("INSERT INTO event_archive (first, last, bytes, sha256, at_us) VALUES (?, ?, ?, ?, ?)", (*file, now_us))


def _delete_some(tx: Tx) -> bool:
    """Delete the oldest archived rows, and keep of their resources what is asked often."""
    sql = "SELECT revision, id, verb, name FROM event WHERE revision <= ? ORDER BY revision LIMIT ?"
    rows = tx.execute(sql, (archived(tx), CHUNK)).fetchall()
    if not rows:
        return False
    tx.executemany(
        "INSERT INTO event_past (id, first, decided, name) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
        "decided = CASE WHEN excluded.decided > 0 THEN excluded.decided ELSE event_past.decided END, "
        "name = excluded.name",
        list(_past(rows)),
    )
    tx.execute("DELETE FROM event WHERE revision <= ?", (rows[-1][0],))
    return True


def _past(rows: Sequence[Any]) -> Iterator[tuple[str, int, int, str]]:
    """Fold rows in the order of revisions: of each resource the first, the last decision, the last name."""
    by_id = sorted(rows, key=lambda row: (row[1], row[0]))
    for id_, some in itertools.groupby(by_id, key=lambda row: row[1]):
        of_one = list(some)
        decisions = [revision for revision, _, verb, _ in of_one if verb != OBSERVE]
        yield id_, of_one[0][0], max(decisions, default=0), of_one[-1][3]


def _damaged(path: Path) -> Unavailable:
    return Unavailable(
        T(f"归档文件 {path.name} 缺失或被改动", f"The archived file {path.name} is missing or was changed"),
        mend=T("从备份取回 archive 文件夹", "Bring the folder archive back from a backup"),
        reason="ARCHIVE",
    )
