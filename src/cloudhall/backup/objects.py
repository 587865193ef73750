"""The objects of a backup: an index of entries and chunks, and packs that hold the chunks' bytes.

Entries are kept as the engine wrote them, chunks under the names that they had there; each is read once. `follow`
brings a copy that was taken over a while to one moment; `missing` then answers what that moment has and the packs have
not. Memory does not grow with what there is; a million objects take some minutes, most of it the engine's answers.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from cloudhall.backup.manifest import Held
from cloudhall.backup.trouble import damaged
from cloudhall.drivers.objects.weed_copy import Change, Contents, counted, fid_of, moved, path_of, with_chunks
from cloudhall.drivers.objects.weed_copy_pb2 import Entry, FileChunk

INDEX = "objects.db"
PACK_BYTES = 1 << 30
SCHEMA = """
CREATE TABLE entry (path TEXT PRIMARY KEY, directory TEXT NOT NULL, entry BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE part (
  path TEXT NOT NULL REFERENCES entry ON DELETE CASCADE, fid TEXT NOT NULL, PRIMARY KEY (path, fid)
) STRICT, WITHOUT ROWID;
CREATE TABLE chunk (
  fid TEXT PRIMARY KEY, pack INTEGER NOT NULL, at INTEGER NOT NULL, size INTEGER NOT NULL, sha256 BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""
AT_ONCE = 10_000
MISSING = "SELECT DISTINCT fid FROM part WHERE fid > ? AND fid NOT IN (SELECT fid FROM chunk) ORDER BY fid LIMIT ?"
Told = Callable[[int], None]
"""Hears of bytes as they are copied."""


class Chunk(NamedTuple):
    """Where a chunk's bytes lie."""

    pack: int
    at: int
    size: int
    sha256: bytes


class Copy:
    """The objects of one backup, in its folder."""

    def __init__(self, folder: Path, index: sqlite3.Connection) -> None:
        self._folder, self._index = folder, index

    @classmethod
    @contextlib.contextmanager
    def new(cls, folder: Path) -> Iterator[Self]:
        """Begin one; what was written is on disk when the block ends."""
        with contextlib.closing(sqlite3.connect(folder / INDEX, isolation_level=None)) as index:
            index.executescript("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; " + SCHEMA)
            yield cls(folder, index)

    @classmethod
    @contextlib.contextmanager
    def of(cls, folder: Path) -> Iterator[Self]:
        """Open one that is whole, to read it."""
        with contextlib.closing(sqlite3.connect(f"file:{folder / INDEX}?mode=ro", uri=True)) as index:
            yield cls(folder, index)

    def take(self, contents: Contents, told: Told) -> None:
        """Copy what there is now; clients may go on. What is gone before it is reached is left out."""
        with _transaction(self._index):
            for directory, entry in contents.entries():
                self._put(contents, directory, entry)
        self._fill(contents, told)

    def follow(self, contents: Contents, changes: Iterable[Change], told: Told) -> bool:
        """Bring it to the moment of the last change; False when bytes of that moment are gone by now."""
        with _transaction(self._index):
            for change in changes:
                if change.old:
                    self._remove(change.old)
                if change.new:
                    self._put(contents, *change.new)
        self._fill(contents, told)
        return self._index.execute(MISSING, ("", 1)).fetchone() is None

    def finish(self) -> None:
        """Forget chunks that no entry names."""
        self._index.execute("DELETE FROM chunk WHERE fid NOT IN (SELECT fid FROM part)")

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every entry with its directory, parents first."""
        for directory, entry in self._index.execute("SELECT directory, entry FROM entry ORDER BY path"):
            yield directory, Entry.FromString(entry)

    def held(self) -> dict[str, Held]:
        """What each bucket holds."""
        sums = dict[str, Held]()
        for directory, entry in self.entries():
            if part := counted(directory, entry):
                before = sums.get(part.bucket, Held(0, 0))
                sums[part.bucket] = Held(before.bytes + part.bytes, before.objects + part.objects)
        return sums

    def total_bytes(self) -> int:
        """Bytes of all chunks."""
        (size,) = self._index.execute("SELECT coalesce(sum(size), 0) FROM chunk").fetchone()
        return int(size)

    def give(self, contents: Contents, told: Told) -> None:
        """Make an engine hold all of it."""
        for directory, entry in self.entries():
            path = path_of(directory, entry.name)
            chunks = [moved(chunk, contents.put(path, self._read(fid_of(chunk), told))) for chunk in entry.chunks]
            contents.create(directory, with_chunks(entry, chunks))

    def same(self, directory: str, entry: Entry, contents: Contents, told: Told) -> bool:
        """Whether an engine's entry is the one that is kept here, to the last byte; where its chunks lie may differ."""
        row = self._index.execute(
            "SELECT entry FROM entry WHERE path = ?", (path_of(directory, entry.name),)
        ).fetchone()
        if row is None:
            return False
        kept, chunks = Entry.FromString(row[0]), contents.chunks(entry)
        if chunks is None or len(chunks) != len(kept.chunks):
            return False
        return all(self._alike(k, c, contents, told) for k, c in zip(kept.chunks, chunks, strict=True))

    def _alike(self, kept: FileChunk, seen: FileChunk, contents: Contents, told: Told) -> bool:
        content = contents.content(fid_of(seen)) or b""
        told(len(content))
        return hashlib.sha256(content).digest() == self._chunk(fid_of(kept)).sha256

    def _put(self, contents: Contents, directory: str, entry: Entry) -> None:
        """Keep an entry in place of what had its path, with the children that a directory has."""
        path, chunks = path_of(directory, entry.name), contents.chunks(entry)
        if chunks is None:  # its list of chunks is gone: so is the entry, and the log tells of it
            self._remove(path)
            return
        kept = with_chunks(entry, chunks).SerializeToString()
        self._index.execute("DELETE FROM part WHERE path = ?", (path,))
        self._index.execute(
            "INSERT INTO entry VALUES (?, ?, ?) ON CONFLICT (path) DO UPDATE SET entry = excluded.entry",
            (path, directory, kept),
        )
        self._index.executemany("INSERT OR IGNORE INTO part VALUES (?, ?)", [(path, fid_of(c)) for c in chunks])

    def _remove(self, path: str) -> None:
        below = (path + "/", path + "0")  # "0" follows "/"
        self._index.execute("DELETE FROM entry WHERE path = ? OR (path > ? AND path < ?)", (path, *below))

    def _fill(self, contents: Contents, told: Told) -> None:
        """Read each chunk that is named and not had yet, and that is still there."""
        (pack,) = self._index.execute("SELECT coalesce(max(pack), 0) + 1 FROM chunk").fetchone()
        wanted = self._missing()
        fid = next(wanted, None)
        while fid is not None:
            with _transaction(self._index), self._pack(pack).open("wb") as file:
                while fid is not None and file.tell() < PACK_BYTES:
                    if (content := contents.content(fid)) is not None:
                        row = (fid, pack, file.tell(), len(content), hashlib.sha256(content).digest())
                        self._index.execute("INSERT INTO chunk VALUES (?, ?, ?, ?, ?)", row)
                        file.write(content)
                        told(len(content))
                    fid = next(wanted, None)
            pack += 1

    def _missing(self) -> Iterator[str]:
        last = ""
        while found := self._index.execute(MISSING, (last, AT_ONCE)).fetchall():
            yield from (fid for (fid,) in found)
            last = found[-1][0]

    def _read(self, fid: str, told: Told) -> bytes:
        chunk = self._chunk(fid)
        with self._pack(chunk.pack).open("rb") as file:
            file.seek(chunk.at)
            content = file.read(chunk.size)
        if hashlib.sha256(content).digest() != chunk.sha256:
            raise damaged(self._pack(chunk.pack))
        told(len(content))
        return content

    def _chunk(self, fid: str) -> Chunk:
        row = self._index.execute("SELECT pack, at, size, sha256 FROM chunk WHERE fid = ?", (fid,)).fetchone()
        if row is None:
            raise damaged(self._folder / INDEX)
        return Chunk(*row)

    def _pack(self, number: int) -> Path:
        return self._folder / f"objects-{number:04}.pack"


@contextlib.contextmanager
def _transaction(index: sqlite3.Connection) -> Iterator[None]:
    index.execute("BEGIN")
    yield
    index.execute("COMMIT")
