"""First rows of a Parquet file that somebody uploaded, read where it can hurt nobody.

Two steps, each in a confined process of its own (`parquet_reader.py`): the footer says where the first row group lies,
then only these bytes are fetched. They are put where they belong into a file without the rest, so that a file of any
size costs what its first rows cost.

Never here: DuckDB itself, or a value of the file taken for anything but text.
"""

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from cloudhall.kernel.text import T

MEDIA_TYPE = "application/vnd.apache.parquet"
MARK, TAIL_BYTES = b"PAR1", 8
"""Apache Parquet, "File Format": the length of the footer and the mark stand at the end."""
FOOTER_BYTES_MAX, GROUP_BYTES_MAX = 8 << 20, 32 << 20
WITHIN_S, ANSWER_BYTES_MAX = 10, 4 << 20
AT_ONCE = threading.BoundedSemaphore(2)
"""Each takes up to 1 GiB for a moment."""
READER = Path(__file__).parent / "parquet_reader.py"
UNREADABLE = T("这个 Parquet 文件无法读取", "This Parquet file cannot be read")
TOO_LARGE = T("第一个行组过大，请下载后查看", "Its first row group is too large to be shown here")
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UTINYINT")
Fetch = Callable[[int, int], bytes]
A = TypeVar("A")


class Column(msgspec.Struct):
    """Name, and type in DuckDB's words."""

    name: str
    type: str


class Schema(msgspec.Struct):
    """What the footer says: the first of `width` columns, rows in all, where the first row group begins and ends."""

    columns: list[Column]
    width: int
    count: int
    first: int
    end: int


class Found(msgspec.Struct):
    """First rows, each value as text."""

    columns: list[Column]
    width: int
    count: int
    rows: list[list[str]]


def is_parquet(head: bytes) -> bool:
    """Whether a file begins like one."""
    return head.startswith(MARK)


def is_number(type_: str) -> bool:
    """Whether values of a type stand at the right."""
    return type_.removeprefix("U").startswith(NUMBERS)


def read(home: Path, size: int, fetch: Fetch, *, rows: int, columns: int) -> Found | T:
    """Schema and first rows; what is in the way, where there is something.

    `fetch(first, count)` gives bytes of the file. Cost: its footer, its first row group, two processes of 0.2 s.
    """
    tail = fetch(size - TAIL_BYTES, TAIL_BYTES) if size > 2 * TAIL_BYTES else b""
    footer = int.from_bytes(tail[:4], "little") + TAIL_BYTES
    if tail[4:] != MARK or not TAIL_BYTES < footer <= min(size - len(MARK), FOOTER_BYTES_MAX):
        return UNREADABLE
    with AT_ONCE, _folder(home) as folder:
        file = folder / "part.parquet"
        _place(file, 0, MARK)
        _place(file, size - footer, fetch(size - footer, footer))
        schema = _asked(file, "schema", Schema, columns, rows)
        if schema is None or not 0 <= schema.first <= schema.end <= size:
            return UNREADABLE
        if schema.end - schema.first > GROUP_BYTES_MAX:
            return TOO_LARGE
        if schema.end > schema.first:
            _place(file, schema.first, fetch(schema.first, schema.end - schema.first))
        found = _asked(file, "rows", list[list[str]], columns, rows) if schema.count else []
        return UNREADABLE if found is None else Found(schema.columns, schema.width, schema.count, found)


@contextlib.contextmanager
def _folder(home: Path) -> Iterator[Path]:
    """Return an empty folder for one file: all that its reader may open."""
    with tempfile.TemporaryDirectory(prefix="preview-", dir=home) as folder:
        yield Path(folder)


def _place(file: Path, at: int, content: bytes) -> None:
    """Write bytes where they stand in the whole file; what lies between takes no room."""
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.seek(at)
        opened.write(content)


def _asked(file: Path, step: str, type_: type[A], columns: int, rows: int) -> A | None:
    """Answer of the reader; None where it ended, took too long or said something else."""
    command = [sys.executable, "-I", str(READER), str(file), step, str(columns), str(rows)]
    process = subprocess.Popen(
        command, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    late = threading.Timer(WITHIN_S, process.kill)
    late.start()
    try:
        assert process.stdout is not None
        answer = process.stdout.read(ANSWER_BYTES_MAX + 1)
    finally:
        late.cancel()
        process.kill()
        process.communicate()
    try:
        return msgspec.json.decode(answer[:ANSWER_BYTES_MAX], type=type_)
    except msgspec.DecodeError:
        return None
