"""Rows in Parquet files, written whole and read back by a condition. DuckDB does both; nobody else imports it.

Every call opens a database in memory on one thread and closes it, so that nothing of DuckDB stays in a server between
two calls. No text of a user ever becomes SQL here.
Cost: 20,000 rows of 290 bytes are written in 0.2 s and take 0.5 MB; 500 of them are read in 20 ms.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROW_GROUP = 2_048  # rows; the smallest that DuckDB reads at once
MEMORY = "256MB"
PAGE = 500  # rows that DuckDB hands over while no other thread of this process can run
PARTIAL = ".partial"
_TYPES = {"INTEGER": "BIGINT", "TEXT": "VARCHAR"}


def write(path: Path, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows in their order to a new file (zstd), synced, under its name only when it is whole.

    `columns` are names with their SQLite types, `INTEGER` or `TEXT`.
    """
    lines, fresh = path.with_name(path.name + ".lines" + PARTIAL), path.with_name(path.name + PARTIAL)
    try:
        with lines.open("wb") as file:
            file.writelines(msgspec.json.encode(dict(zip(columns, row, strict=True))) + b"\n" for row in rows)
        types = {name: _TYPES[type_] for name, type_ in columns.items()}
        with _database() as db:
            db.execute(
                f"COPY (SELECT * FROM read_json($1, format = 'newline_delimited', columns = {types})) "
                f"TO '{_quoted(fresh)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
                [str(lines)],
            )
        _sync(fresh)
        fresh.replace(path)
        _sync(path.parent)
    finally:
        for left in (lines, fresh):
            left.unlink(missing_ok=True)


def read(path: Path, select: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows of a file: `select` is SQL over the table `rows`, with `?` parameters."""
    with _database() as db:
        db.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet('{_quoted(path)}')")
        db.execute(select, list(parameters))
        found: list[tuple[Any, ...]] = []
        while some := db.fetchmany(PAGE):
            found += some
        return found


def sha256(path: Path) -> str:
    """Sum of a file, in hex; empty where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def _database() -> "Iterator[DuckDBPyConnection]":
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": MEMORY,
        "autoinstall_known_extensions": False,
    }
    with contextlib.closing(duckdb.connect(":memory:", config=settings)) as db:
        yield db


def _quoted(path: Path) -> str:
    """Path inside single quotes: a view and a target of COPY take no parameters."""
    return str(path).replace("'", "''")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
